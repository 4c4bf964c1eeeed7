"""Chat platforms as faces of the desk: what is said there and how, whichever platform it is. Slack's own part is ``api.slack``."""
