"""`victor-sim VERB ...`: finds the verb's thin main and turns errors into one line and an exit code.

0 done; 1 a claim, validation or invariant failed; 2 bad config or input; 130 interrupted. Verbs are imported when they
are called, so that `--help` needs none of the numeric libraries.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

VERBS = {
    "run": "one design point, a sweep, or a whole study with experiment=NAME; again resumes",
    "init": "a starter folder: own fleet, own trace, own strategy",
    "inspect": "what is understood of a trace",
    "report": "builds a report again from what is stored; --against FOLDER compares two results",
    "validate": "the simulator against closed-form and published numbers",
    "replay": "run NAME POINT REPLICATION: the same again, bit for bit",
    "bench": "speed of the engine, a ratio to a named baseline in the same run",
    "doctor": "the environment, optional parts, store health",
}

USAGE = """usage: victor-sim VERB [words] [--flags] [hydra overrides]

the wind tunnel for fleets of AI agents

verbs:
{verbs}

victor-sim VERB --help tells more of one. First steps: victor-sim run experiment=balancers
"""


def usage() -> str:
    """The overview that --help prints."""
    return USAGE.format(verbs="\n".join(f"  {name:9} {text}" for name, text in VERBS.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; gives the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        print(f"victor-sim: verb={verb}: accepted is one of {', '.join(VERBS)}", file=sys.stderr)
        return 2
    from sim.errors import ConfigError, InputError, SimError

    try:
        module = import_module(f"sim.experiments.{verb}")
        code: int = module.main(rest)
    except (ConfigError, InputError) as error:
        print(f"victor-sim: {error}", file=sys.stderr)
        return 2
    except SimError as error:
        print(f"victor-sim: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("victor-sim: interrupted; what is finished is kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
