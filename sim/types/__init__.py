"""Nouns of the fleet, frozen and slotted; no behavior beyond derived values, no imports from other rooms."""
