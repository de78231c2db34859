"""The agent's model is replaced: its temperature cliff moves from 1.51 to .8, at once or little by little.

Before, sampling helps up to the cliff (slope .15 as on `cliff`); what was best then fails after. Settings at low
temperature lose nothing, so that an optimizer that notices can have back what was lost.
"""

from __future__ import annotations

from dataclasses import replace

from sim.registry import register
from sim.world.surfaces.agent import AgentLaw
from sim.world.surfaces.coefficients import TEMPERATURE_CENTER
from sim.world.surfaces.surface import Context, Surface

SUDDEN_AT = 60
SLOW_FROM, SLOW_UNTIL = 20, 60
BEFORE, AFTER = TEMPERATURE_CENTER, 0.8
LAW = AgentLaw(temperature_slope=0.15)
INCUMBENT = (0.7, 4_000.0, 8_192.0, 24.0)


def sudden(law: AgentLaw, window: int, context: Context) -> AgentLaw:
    """The other model from window `SUDDEN_AT` on."""
    return replace(law, temperature_center=AFTER) if window >= SUDDEN_AT else law


def slow(law: AgentLaw, window: int, context: Context) -> AgentLaw:
    """From one model to the other in equal steps."""
    share = min(max((window - SLOW_FROM) / (SLOW_UNTIL - SLOW_FROM), 0.0), 1.0)
    return replace(law, temperature_center=BEFORE + share * (AFTER - BEFORE))


@register("surface", "drift_sudden")
def drift_sudden() -> Surface:
    """All at once."""
    return Surface("drift_sudden", LAW, INCUMBENT, law_of=sudden, changes_at=SUDDEN_AT, changed_by=SUDDEN_AT)


@register("surface", "drift_slow")
def drift_slow() -> Surface:
    """Over forty windows."""
    return Surface("drift_slow", LAW, INCUMBENT, law_of=slow, changes_at=SLOW_FROM, changed_by=SLOW_UNTIL)
