"""A served fleet that is killed again and again, and the books that must hold all the same."""
