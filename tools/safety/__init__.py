"""The rules of the review: one file each, with one value ``RULE`` that carries its own specimens. Strictest wins."""
