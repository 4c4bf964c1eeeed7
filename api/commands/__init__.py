"""The command line, one file a group of commands. Each imports what it needs inside its functions: `--help` stays fast."""
