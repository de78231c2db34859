"""Time and chance: one clock-and-tasks protocol over SimPy (virtual) or asyncio (live), and counter-based draws."""
