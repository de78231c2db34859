"""`victor-sim VERB ...`: finds the verb's thin main and turns errors into one line, a next step and an exit code.

0 done; 1 a claim, validation or invariant failed; 2 bad config or input; 130 interrupted. Verbs are imported when they
are called, so that `--help` needs none of the numeric libraries.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.errors import SimError

VERBS = {
    "run": "one design point, a sweep, or a whole study with experiment=NAME; again resumes",
    "init": "DIR: a starter folder with own fleet, own trace, own strategy",
    "inspect": "FILE: what is understood of a trace",
    "report": "builds a report again from what is stored; --against FOLDER compares two results",
    "validate": "the simulator against closed-form and published numbers",
    "storm": "seeded fault schedules against the whole control plane, invariants checked at every instant",
    "optimize": "the optimizer in the loop, its claims held against the truth",
    "replay": "run NAME POINT REPLICATION, storm SEED: the same again, bit for bit",
    "plugins": "list; check DIR, new DIR: for authors of plugins",
    "demo": "the four systems together, told as they act; --live with real processes",
    "bench": "speed of the engines and of others on one yardstick, as ratios in the same run; growth, long runs",
    "serve": "the real control plane and gateway, live, on loopback unless told",
    "node": "server.url=URL: a live agent host that joins a served control plane",
    "calibrate": "fits a world to a recorded live run, and says how far simulated and live differ",
    "keys": "create NAME, list, revoke NAME, token NAME: API keys of the gateway",
    "doctor": "the environment, optional parts, store health",
}

USAGE = """usage: victor-sim VERB [words] [--flags] [hydra overrides]

the wind tunnel for fleets of AI agents

verbs:
{verbs}

victor-sim VERB --help tells more of one; VERB --quiet leaves progress out; --version; --completion bash|zsh|fish prints
what makes the shell complete verbs, flags, config groups and keys. First steps:
  victor-sim run experiment=balancers     which balancing strategy is best, and how sure are we
  victor-sim init my-fleet                a folder to start from, with your own fleet, trace and strategy
"""
HELP = ("-h", "--help")
QUIET = "--quiet"
TELLS_LESS = ("demo", "storm")  # verbs with a --quiet of their own
DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; gives the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in (*HELP, "help"):
        print(USAGE.format(verbs="\n".join(f"  {name:9} {text}" for name, text in VERBS.items())), end="")
        return DONE
    if words == ["--version"]:
        from importlib.metadata import version

        print(f"victor-sim {version('victor-sim')}")
        return DONE
    verb, rest = words[0], words[1:]
    if verb == "--completion":
        return _guarded(lambda: _complete(rest))
    if verb not in VERBS:
        print(f"victor-sim: verb={verb}: accepted is one of {', '.join(VERBS)}", file=sys.stderr)
        print("next: victor-sim --help says what each does", file=sys.stderr)
        return REFUSED
    return _guarded(lambda: _verb(verb, rest))


def _verb(verb: str, rest: list[str]) -> int:
    from sim.bench.threads import ask_for_one

    ask_for_one(os.environ)  # before a verb imports what reads it
    module = import_module(f"sim.experiments.{verb}")
    if any(word in HELP for word in rest):
        from sim.experiments.examples import teaching

        print(f"{module.help_text().rstrip()}\n\n{teaching(verb)}")
        return DONE
    if QUIET not in rest or verb in TELLS_LESS:
        code: int = module.main(rest)
    else:
        from sim.experiments.quiet import OnlyErrors

        with redirect_stderr(OnlyErrors(sys.stderr)):
            code = module.main([word for word in rest if word != QUIET])
    sys.stdout.flush()
    return code


def _complete(rest: list[str]) -> int:
    from sim.bench.completion import completion

    print(completion(rest[0] if len(rest) == 1 else " ".join(rest), VERBS), end="")
    return DONE


def _guarded(run: Callable[[], int]) -> int:
    """What `run` gives; errors become one line, a next step and an exit code."""
    from sim.errors import ConfigError, InputError, SimError

    try:
        return run()
    except (ConfigError, InputError) as error:
        _tell(error)
        return REFUSED
    except SimError as error:
        _tell(error)
        return FAILED
    except KeyboardInterrupt:
        print("victor-sim: interrupted; what is finished is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _tell(error: SimError) -> None:
    """One line, whatever the values in it hold, and what to do next where the error says so."""
    print("victor-sim:", *str(error).split(), file=sys.stderr)
    if error.next_step:
        print("next:", *error.next_step.split(), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
