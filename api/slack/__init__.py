"""Slack as a face of the desk. It has been tested against a server that speaks Slack's documented protocol, and has not met the
real service."""
