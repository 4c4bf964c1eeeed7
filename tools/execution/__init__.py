"""Carrying out one reviewed plan over the ports: preconditions, write-ahead intents, and taking back what was done."""
