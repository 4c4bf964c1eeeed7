"""Scenarios, scorers, reports, benchmarks, the practice cluster and the demo."""
