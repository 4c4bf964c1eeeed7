"""The console: pages for people, rendered here, working without a line of JavaScript."""
