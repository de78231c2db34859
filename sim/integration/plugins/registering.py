"""Hooks of a plugin's code as the dispatcher takes them, checked when they are registered.

A function in this process must take exactly the payload (a bad signature names the plugin and the hook), a wrapper must
be a generator function, and nothing else may be one. Elsewhere a hook is a call of the runner.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sim.integration.plugins.manifest import Order
from sim.integration.plugins.protocol import HOOKS, PluginRefused
from sim.integration.plugins.unit import HookCounts, Impl, Unit


def impls_of(unit: Unit, timeout_s: float) -> dict[str, Impl]:
    """One for each hook of a loaded plugin; raises PluginRefused for a hook that is missing or has another shape."""
    functions: dict[str, Callable[[Any], Any]] | None = getattr(unit.runner, "functions", None)
    result: dict[str, Impl] = {}
    for hook in unit.manifest.hooks:
        order = unit.manifest.order.get(hook, Order())
        if hook not in unit.hooks:
            raise PluginRefused(unit.plugin_id, hook, "signature", "it is in the manifest and not in the code")
        if functions is None:
            if order.wrapper:
                raise PluginRefused(unit.plugin_id, hook, "wrapper", "wrappers run in this process only")
            function = _through(unit, hook, timeout_s)
        else:
            function = functions[hook]
            _check(unit.plugin_id, hook, function, order.wrapper)
        counts = unit.counts.setdefault(hook, HookCounts())
        result[hook] = Impl(HOOKS[hook], unit, function, order, counts, unit.circuit, unit.mean_s)
    return result


def _through(unit: Unit, hook: str, timeout_s: float) -> Callable[[Any], Any]:
    return lambda payload: unit.runner.call(hook, payload, timeout_s)


def _check(plugin_id: str, hook: str, function: Callable[[Any], Any], wrapper: bool) -> None:
    try:
        inspect.signature(function).bind({})
    except (TypeError, ValueError) as error:
        raise PluginRefused(plugin_id, hook, "signature", f"it must take the payload alone: {error}") from None
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function) != wrapper:
        wanted = "a generator function (its manifest says wrapper)" if wrapper else "no generator function"
        raise PluginRefused(plugin_id, hook, "signature", f"accepted is {wanted}")
