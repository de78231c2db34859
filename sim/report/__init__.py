"""The report of a study: one self-contained page, the same in Markdown, CSV tables and SVG figures."""
