"""The only code that talks to outside systems. Named by the composition root and by tests, by nobody else."""
