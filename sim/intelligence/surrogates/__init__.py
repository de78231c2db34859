"""Surrogates: what a target would be under parameters nobody tried, and how sure that is."""
