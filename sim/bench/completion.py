"""Completion for bash, zsh and fish: verbs, their flags, config groups with their choices, keys with their words.

One static script, made from the verbs' own help and from the schema, so that the shell starts no process at a TAB.
Where a word is split at `=` (bash's COMP_WORDBREAKS) only what stands behind it is completed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import import_module, resources

from sim.bench.keys import Key, known_keys
from sim.errors import ConfigError
from sim.registry import names

SHELLS = ("bash", "zsh", "fish")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMON = ("--help", "--quiet")


def completion(shell: str, verbs: Iterable[str]) -> str:
    """The script; raises `ConfigError` for another shell."""
    if shell not in SHELLS:
        raise ConfigError("--completion", shell, "one of " + ", ".join(SHELLS))
    flags = {verb: flags_of(verb) for verb in verbs}
    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return write(flags, values())


def flags_of(verb: str) -> list[str]:
    """Flags that the verb's own text names."""
    text = str(import_module(f"sim.experiments.{verb}").__doc__)
    return sorted({*FLAG.findall(text), *COMMON})


def values() -> dict[str, list[str]]:
    """Config groups and keys, each with the words that it takes; [] where it takes anything."""
    found = {}
    for folder in sorted(resources.files("sim.conf").iterdir(), key=lambda each: each.name):
        if folder.is_dir():
            choices = sorted(each.name[:-5] for each in folder.iterdir() if each.name.endswith(".yaml"))
            if choices:
                found[folder.name] = choices
    return found | {name: _words(key) for name, key in known_keys().items() if name not in found}


def _words(key: Key) -> list[str]:
    metadata = key.metadata
    brought = names(metadata["registry"]) if "registry" in metadata else []
    if key.annotation == "bool":
        return ["true", "false"]
    return [*metadata.get("accepted", ()), *brought]


def _cases(table: Mapping[str, Iterable[str]], target: str) -> str:
    return "".join(f'    {name}) {target}="{" ".join(words)}" ;;\n' for name, words in table.items() if words)


def _bash(flags: Mapping[str, list[str]], keys: Mapping[str, list[str]]) -> str:
    stems = " ".join(f"{name}=" for name in keys)
    return f"""# victor-sim --completion bash > ~/.local/share/bash-completion/completions/victor-sim
_victor_sim() {{
  local line="${{COMP_LINE:0:COMP_POINT}}" words="" key
  local cur="${{line##*[[:space:]]}}"
  COMPREPLY=()
  if (( COMP_CWORD <= 1 )); then
    COMPREPLY=($(compgen -W "{" ".join(flags)}" -- "$cur"))
  elif [[ $cur == -* ]]; then
    case "${{COMP_WORDS[1]}}" in
{_cases(flags, "words")}    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ $cur == *=* ]]; then
    key="${{cur%%=*}}"
    case "$key" in
{_cases(keys, "words")}    esac
    if [[ $COMP_WORDBREAKS == *=* ]]; then
      COMPREPLY=($(compgen -W "$words" -- "${{cur#*=}}"))
    else
      COMPREPLY=($(compgen -P "$key=" -W "$words" -- "${{cur#*=}}"))
    fi
  else
    compopt -o nospace 2>/dev/null
    COMPREPLY=($(compgen -W "{stems}" -- "$cur"))
  fi
}}
complete -o default -F _victor_sim victor-sim
"""


def _zsh(flags: Mapping[str, list[str]], keys: Mapping[str, list[str]]) -> str:
    stems = " ".join(f"{name}=" for name in keys)
    return f"""#compdef victor-sim
# victor-sim --completion zsh > a folder of $fpath, as _victor-sim
_victor_sim() {{
  local words_of="" cur="$PREFIX" key
  if (( CURRENT == 2 )); then
    compadd -- {" ".join(flags)}
  elif [[ $cur == -* ]]; then
    case "${{words[2]}}" in
{_cases(flags, "words_of")}    esac
    compadd -- ${{=words_of}}
  elif [[ $cur == *=* ]]; then
    key="${{cur%%=*}}"
    case "$key" in
{_cases(keys, "words_of")}    esac
    compadd -P "$key=" -- ${{=words_of}}
  else
    compadd -S '' -- {stems}
    _files
  fi
}}
compdef _victor_sim victor-sim
"""


def _fish(flags: Mapping[str, list[str]], keys: Mapping[str, list[str]]) -> str:
    lines = ["# victor-sim --completion fish > ~/.config/fish/completions/victor-sim.fish"]
    lines.append(f"complete -c victor-sim -f -n __fish_use_subcommand -a '{' '.join(flags)}'")
    for verb, names_of in flags.items():
        for flag in names_of:
            lines.append(f"complete -c victor-sim -n '__fish_seen_subcommand_from {verb}' -l {flag.lstrip('-')}")
    pairs = [f"{name}={word}" for name, words in keys.items() for word in words or [""]]
    lines.append(f"complete -c victor-sim -n 'not __fish_use_subcommand' -a '{' '.join(pairs)}'")
    return "\n".join(lines) + "\n"
