"""What the desk knows: its words, its errors, its cases, its ledger. The bottom layer; imports nothing of the others."""
