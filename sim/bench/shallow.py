"""YAML that people hand in, without the parser's price of depth: at each word it goes through all open brackets.

4,000 of them took it two seconds until it refused them. Nothing of a config is nested as deep as `DEPTH_MAX`.
"""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]

DEPTH_MAX = 50  # brackets and braces within each other; a whole config written in them has four


class _Shallow(yaml.SafeLoader):  # type: ignore[misc]
    def fetch_flow_collection_start(self, token: Any) -> None:
        """A bracket or a brace opens."""
        if self.flow_level >= DEPTH_MAX:
            raise yaml.YAMLError(f"more than {DEPTH_MAX} brackets are open")
        super().fetch_flow_collection_start(token)


def read_yaml(text: str) -> Any:
    """The tree; raises `yaml.YAMLError`, ValueError (no day of a calendar) or RecursionError (indented too deep)."""
    loader = _Shallow(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
