"""Least privilege, generated: what each identity may do, and what the API server lets the executor write."""
