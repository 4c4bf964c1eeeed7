"""Alert sources: one product's webhook each, found by :mod:`tools.discovery`."""
