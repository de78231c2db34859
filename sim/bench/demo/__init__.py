"""The source's integrated demo: all four systems together, told as they act, and judged at the end."""
