"""Hydra composes, we validate: overrides become one `Config`, or stop with one line that says what is accepted.

Only Hydra's compose API is used: no working directories, no `instantiate`, no `_target_` (a config names a `kind`, the
closed registry knows it). Every override is parsed by Hydra's own grammar and its key looked up in the schema before
anything is composed, so that `+new=1` cannot slip in; what is wrong inside a YAML file is told with the file's name.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra import compose as hydra_compose
from hydra import initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sim.bench import keys
from sim.bench.aliases import refuse_endless
from sim.bench.check import check, check_lists
from sim.bench.extensions import load_extensions
from sim.bench.schema import Config
from sim.bench.schema.load import OWN_RATE
from sim.bench.shallow import read_yaml
from sim.errors import ConfigError, InputError

SAVES_ONE = "victor-sim run experiment=NAME leaves one as results/NAME/best.yaml"
SAVED = "config="  # `config=FILE`: a saved config, as overrides that come first
EXPERIMENT = "experiment"
SEVERAL = ("faults",)  # groups of which a run may take several at once
RATES = ("arrivals.rate_per_s", "arrivals.utilization_ratio")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
Composed = dict[tuple[str, ...], bytes]  # choices of groups -> the pickled tree that they compose
KEPT_MAX = 256  # trees that a process keeps, about 50 kB each
_PACKAGED: Composed = {}
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WORDS = ("null", "true", "false", "nan", "inf", "yes", "no", "on", "off")


@dataclass(frozen=True, slots=True)
class Override:
    """One `key=value` as Hydra parses it; `values` has several texts in a sweep (`swept`)."""

    key: str
    values: tuple[str, ...]
    swept: bool

    @property
    def text(self) -> str:
        """As Hydra takes it, the first value of a sweep."""
        return f"{self.key}={self.values[0]}"


def compose(overrides: Sequence[str], config_dir: Path | None = None, composed: Composed | None = None) -> Config:
    """One validated design point from overrides in Hydra's syntax; `config_dir` adds the user's own groups.

    Calls that share a dict `composed` (and the folder) compose each choice of groups once.

    Raises `ConfigError` naming key, value and what is accepted, `InputError` for a file.
    """
    config = compose_unchecked(parse(overrides), config_dir, composed)
    load_extensions(config.extensions)
    check(config)
    return config


def compose_unchecked(
    overrides: Sequence[Override], config_dir: Path | None = None, composed: Composed | None = None
) -> Config:
    """Composed and typed, ranges not yet checked; raises as `compose` does.

    Hydra composes the groups, a tenth of a second a time; values come on top as Hydra itself puts them there. So the
    points of a sweep share what is `composed` already; what the package alone composes is kept for the process.
    """
    groups = keys.option_names(config_dir)
    for override in overrides:
        _check_key(override, groups)
    last = _last_of_each(overrides)
    choices = tuple(override.text for override in last if override.key in groups)
    try:
        tree = _tree(choices, config_dir, _kept(config_dir) if composed is None else composed)
        for override in [*last, *_one_rate(overrides)]:
            if override.key not in groups:
                value = OverridesParser.create().parse_override(override.text).value()
                found = keys.find(override.key)
                free = found is not None and found.mapping
                OmegaConf.update(tree, override.key, value, merge=True, force_add=free)
        config = OmegaConf.to_object(tree)
    except yaml.YAMLError as error:
        raise _broken_yaml(error) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise _explained(error, overrides) from error
    except OverflowError as error:  # an integer that no double holds, for a key that is one; OmegaConf lets it through
        named = re.search(r"full_key: (\S+)", str(error))
        raise ConfigError(named[1] if named else "config", "an integer of hundreds of digits", "a number") from error
    assert isinstance(config, Config)
    check_lists(config)
    if config.experiment is not None:
        raise ConfigError(EXPERIMENT, "", "a YAML file that opens with `# @package _global_`")
    return config


def _kept(config_dir: Path | None) -> Composed:
    """What this process composed of the package's own files, which do not change under it; the user's may."""
    if config_dir is not None:
        return {}
    while len(_PACKAGED) >= KEPT_MAX:
        del _PACKAGED[next(iter(_PACKAGED))]
    return _PACKAGED


def _tree(choices: tuple[str, ...], config_dir: Path | None, composed: Composed) -> DictConfig:
    """A copy of the tree that these choices of groups compose."""
    if choices not in composed:
        search = [] if config_dir is None else [f"hydra.searchpath=[{quoted('file://' + str(config_dir.resolve()))}]"]
        with _hydra():
            composed[choices] = pickle.dumps(hydra_compose("config", [*choices, *search]))
    tree = pickle.loads(composed[choices])  # a copy, at a quarter of what deepcopy takes
    assert isinstance(tree, DictConfig)
    return tree


def parse(overrides: Sequence[str]) -> list[Override]:
    """Overrides by Hydra's grammar, `config=FILE` opened; raises `ConfigError` for what is no `key=value`."""
    parsed: list[Override] = []
    for text in overrides:
        if text.startswith(SAVED):
            parsed += [Override(key, (value,), False) for key, value in load_saved(Path(text.removeprefix(SAVED)))]
            continue
        try:
            found = OverridesParser.create().parse_overrides([text])[0]
        except HydraException:
            raise ConfigError("override", text, "key=value (quote what holds spaces or commas: key='a, b')") from None
        if found.is_delete() or found.is_hydra_override():
            raise ConfigError("override", text, "key=value of a known key")
        values = _sweep_values(found, text) if found.is_sweep_override() else [quoted(found.value())]
        parsed.append(Override(found.get_key_element().lstrip("+"), tuple(values), found.is_sweep_override()))
    return _without_masked_groups(parsed, len(parsed) > len(overrides))


def _sweep_values(found: Any, text: str) -> list[str]:
    if not found.is_discrete_sweep():
        raise ConfigError("override", text, "a list of values: a,b or range(1,10,3)")
    try:
        return [str(value) for value in found.sweep_string_iterator()]
    except HydraException as error:  # glob(...) needs the folder
        raise ConfigError("override", text, "a list of values: a,b or range(1,10,3)") from error


def load_saved(path: Path) -> list[tuple[str, str]]:
    """A saved config (`best.yaml`) as keys and values; raises `InputError`."""
    if not path.is_file():
        raise InputError(
            str(path), None, None, "no such file; config=FILE takes a saved one such as best.yaml", SAVES_ONE
        )
    try:
        tree = read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a day that no calendar has, bad UTF-8
        raise InputError(str(path), None, None, "no YAML that can be read") from error
    if not isinstance(tree, dict):
        raise InputError(str(path), None, None, "no mapping of config keys")
    refuse_endless(path, tree)
    return [(key, quoted(value)) for key, value in _leaves(tree, "")]


def _leaves(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        key = prefix + str(name)
        found = keys.known_keys().get(key)
        if isinstance(value, dict) and not (found is not None and found.mapping):
            yield from _leaves(value, key + ".")
        elif value != {}:
            yield key, value


def _without_masked_groups(parsed: list[Override], saved: bool) -> list[Override]:
    """A group chosen on the command line replaces that part of a saved config, its `kind` included."""
    if not saved:
        return parsed
    chosen = {override.key for override in parsed} & set(keys.packaged_groups())
    return [one for one in parsed if one.key in chosen or one.key.split(".")[0] not in chosen]


def _last_of_each(overrides: Sequence[Override]) -> list[Override]:
    """A key given twice means its last value; the order of first mention stays."""
    return list({override.key: override for override in overrides}.values())


def _one_rate(overrides: Sequence[Override]) -> list[Override]:
    """A rate that is asked for replaces the preset's utilization ratio, and the other way round.

    Arrivals with a rate of their own replace both.
    """
    asked = {override.key for override in overrides}
    if any(override.key == "arrivals" and override.values[0] in OWN_RATE for override in overrides):
        return [Override(key, ("null",), False) for key in RATES if key not in asked]
    pairs = (RATES, RATES[::-1])
    return [Override(other, ("null",), False) for key, other in pairs if key in asked and other not in asked]


def _check_key(override: Override, groups: Mapping[str, list[str]]) -> None:
    if override.key in groups:
        value = override.values[0].strip("'")
        several = override.key in SEVERAL and value.startswith("[")
        for choice in value.strip("[]").split(",") if several else [value]:
            if choice not in groups[override.key] and not (override.key == EXPERIMENT and choice == "null"):
                more = ", or a list of them: [a,b]" if override.key in SEVERAL else ""
                raise ConfigError(
                    override.key, choice, "one of " + ", ".join(groups[override.key]) + more, _listed(override.key)
                )
    elif keys.find(override.key) is None:
        raise ConfigError(override.key, override.values[0], keys.near(override.key, list(groups)), keys.EVERY_KEY)


def _listed(group: str) -> str:
    """Where choices of a group come from."""
    return f"take one of these, or add your own as conf/{group}/NAME.yaml with --config-dir conf"


@contextmanager
def _hydra() -> Iterator[None]:
    GlobalHydra.instance().clear()
    _store_schema()
    with initialize_config_module("sim.conf", version_base="1.3"):
        yield


@cache
def _store_schema() -> None:
    """Once a process: Hydra makes a tree of the dataclasses each time."""
    ConfigStore.instance().store(name="schema", node=Config)


def quoted(value: Any) -> str:
    """A value as Hydra's grammar writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{quoted(str(key))}:{quoted(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(quoted(item) for item in value) + "]"
    text = str(value)
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text) + "'"


def to_yaml(tree: Mapping[str, Any]) -> str:
    """Plain data as YAML, keys in the order given; by libyaml where it is there, which takes a quarter of the time."""
    return str(yaml.dump(dict(tree), Dumper=DUMPER, sort_keys=False, allow_unicode=True))


def _broken_yaml(error: yaml.YAMLError) -> InputError:
    mark = getattr(error, "problem_mark", None)
    problem = f"no YAML that can be read: {getattr(error, 'problem', None) or error}"
    return InputError(mark.name if mark else "a config file", mark.line + 1 if mark else None, None, problem)


def _explained(error: Exception, overrides: Sequence[Override]) -> ConfigError:
    """Hydra's or OmegaConf's words as key, value and what is accepted, with the YAML file's name where it is one."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    text = f"{error}\n{cause}"
    named = re.search(r"In '([^']+)':", text)
    where = f" (in {named[1]}.yaml)" if named and named[1] != "config" else ""
    missing = re.search(r"(?:Could not find|Could not override) '([^']+)'", text)
    key = re.search(r"full_key: (\S+)", text)
    if key is None and missing is not None:
        group, _, name = missing[1].rpartition("/")
        options = keys.packaged_groups()
        if group in options:
            return ConfigError(group, name, "one of " + ", ".join(options[group]) + where)
        return ConfigError(missing[1], "", f"one of the groups {', '.join(options)}{where}")
    if key is None:
        return ConfigError("config", "", " ".join(str(error).split()) + where)
    plain = key[1].split("[")[0]
    leaf = keys.find(plain)
    given = [override.values[0] for override in overrides if override.key == plain]
    found = re.search(r"Value '(.*)' of type", text)
    value = given[-1] if given else found[1] if found else ""
    if "Interpolation" in type(cause).__name__:
        return ConfigError(key[1], "${...}", f"{str(cause).splitlines()[0]}{where}")
    if leaf is None or "not in '" in text:
        return ConfigError(key[1], "", keys.near(key[1]) + where)
    return ConfigError(plain, value, keys.accepted(leaf) + where)
