"""Another user: as root the process becomes nobody, anybody else drops every capability it holds.

The user id 65534 is "nobody" on Linux and owns nothing. setresuid to it from 0 clears all capabilities; the bounding
set goes first, so that nothing brings them back.
"""

from __future__ import annotations

import os

from sim.integration.plugins.sandbox import libc

NOBODY = 65534


def apply() -> None:
    """Give up user, groups and capabilities, for good."""
    if os.geteuid() == 0:
        libc.drop_bounding()
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    else:
        libc.drop_capabilities()
