"""One thread of the matrix libraries a process: a worker is a core's, and the optimizer's matrices are small.

More give nothing at forty rows. Where processes share the cores, their threads wait for each other spinning (a fit took
three times the processor time in two test processes side by side); and what several of them add up may depend on their
number, while the same seed is to give the same numbers on every machine. Read by the libraries when they are first
imported; what the environment says already stands.
"""

from __future__ import annotations

from collections.abc import MutableMapping

ONE_EACH = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def ask_for_one(environment: MutableMapping[str, str]) -> None:
    """Set what is not set yet."""
    for name, value in ONE_EACH.items():
        environment.setdefault(name, value)
