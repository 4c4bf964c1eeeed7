"""Reads what an engineer pastes (terminal transcripts, support bundles, bare outputs) into the snapshot that collectors make."""
