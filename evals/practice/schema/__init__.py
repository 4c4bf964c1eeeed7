"""What the server knows of the shape of its kinds: fields, their types, which lists merge by which key."""
