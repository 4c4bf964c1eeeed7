"""Figures of the desk: sums over the ledger, series around an incident's onset, and pictures of both."""
