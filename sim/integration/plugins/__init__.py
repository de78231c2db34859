"""Plugins: manifest, life cycle, hooks, the runners that hold their code, and what a plugin may reach."""
