"""The report of scores: one page that opens offline, Markdown, CSV and JSON."""
