"""A node as `serve` starts it: settings as JSON in the only argument, the credential in the environment.

`python -m sim.live.node.child '{"node_id": ...}'` loads neither Hydra nor the numeric rooms, so that a node is there in
a fraction of a second. Lines go to standard error, with the node's name.
"""

from __future__ import annotations

import json
import sys

from sim.errors import SimError
from sim.live.link.credential import credential
from sim.live.node.node import run_node
from sim.live.node.params import NodeParams


def main() -> int:
    """The exit code."""
    try:
        return run_node(NodeParams(**json.loads(sys.argv[1])), credential(None), _say)
    except SimError as error:
        _say(str(error))
        return 2


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
