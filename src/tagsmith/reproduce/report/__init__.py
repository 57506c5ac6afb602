"""A report of all records of a folder, as Markdown and as one HTML page, from nothing but the records."""
