"""Corpora of the safety review: lines that are risky, lines that are not, instructions that somebody planted."""
