"""Estimators, audits, comparisons and oracles; everything is computed from the tables that a run leaves."""
