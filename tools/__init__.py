"""Hands and eyes: ports, collectors, detectors, actions, the script and its review. Imports only the desk's words and errors."""
