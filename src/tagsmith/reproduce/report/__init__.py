"""A report of all records in a folder, as Markdown and as one HTML page."""
