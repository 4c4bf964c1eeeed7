"""The closed grammar of remediation scripts: text in, typed commands out, and back. Pure functions, no input or output.

A script never reaches a shell. What this package cannot read to the last character is refused with its position.
"""
