"""What a client of the practice cluster sees: one module for each part of a Kubernetes API server's behaviour."""
