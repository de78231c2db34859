"""The shipped configs, importable so that a wheel carries them."""
