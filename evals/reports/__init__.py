"""Reports: the figures as Markdown, as one self-contained HTML page, and as JSON."""
