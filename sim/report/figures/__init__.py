"""Figures of the report, one file a figure: `analyze(summary, group) -> frozen result`, `draw(figure, result)`."""
