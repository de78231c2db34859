"""Time and chance: one clock-and-tasks protocol, driven by SimPy (virtual) or asyncio (live), and counter-based draws."""
