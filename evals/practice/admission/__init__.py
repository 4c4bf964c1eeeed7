"""What a server does to an object between reading it and storing it: defaults, limits, quota, validation."""
