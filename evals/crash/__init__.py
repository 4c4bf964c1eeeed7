"""The crash matrix: a desk is killed (SIGKILL) at every boundary of its work, started again from disk, and what the cluster
carried out is compared with the plan."""
