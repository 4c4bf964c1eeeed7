"""One file per kind of step, with one value ``ACTION``: what it becomes as API requests, and how it is taken back."""
