"""Seeded fault schedules against the whole control plane, with checkers that keep books of their own."""
