"""Faults of the practice cluster: one file each, one value `FAULT` each, found by looking into this folder."""
