"""The log engine: all signatures in one pass over bytes, lines only around hits, templates apart. Pure: no network."""
