"""One module per change of the schema, in order. A released one is never edited."""
