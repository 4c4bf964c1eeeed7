"""The web face: the JSON API under ``/api/v1``, webhooks, health, metrics, and the console."""
