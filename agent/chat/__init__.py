"""Chat that does work: what a person says, understood and answered, the same behind every face."""
