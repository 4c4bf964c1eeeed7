"""Collectors: one sort of fact each, found by :mod:`tools.discovery`; :mod:`tools.collectors.gather` runs them."""
