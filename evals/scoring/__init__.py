"""Scorers: pure functions from what was said and what is true to figures."""
