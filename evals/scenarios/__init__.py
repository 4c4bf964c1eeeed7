"""Scenarios: what is done to a fresh practice platform, and what is then true. One YAML file each, under its layer."""
