"""victor-sim keys create NAME [--scope read|operate|admin] [--days D] | list | revoke NAME | token NAME
                [paths.state=DIR]

API keys of the gateway. `create` and `token` print the secret once, alone on the last line; only a keyed hash of a key
is kept, in paths.state (default .victor-sim), readable by its owner only. A scope covers those before it: read,
operate, admin (default read). --days D lets a key expire. `revoke` takes a name or an id and ends the key's tokens too.
`token` makes a JWT for a key, good for a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import ConfigError
from sim.experiments.words import parse

COMMANDS = "create NAME, list, revoke NAME, token NAME"


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0; what is wrong raises."""
    words = parse(arguments, (), ("--scope", "--days"), ("COMMAND", "[NAME]"))
    command, *names = words.words
    from sim.bench.compose import compose
    from sim.live.keys import KeyDesk

    desk = KeyDesk(compose(words.overrides))
    if command == "list" and not names:
        print("\n".join(desk.lines()))
        return 0
    if command not in ("create", "revoke", "token") or not names:
        raise ConfigError("command", " ".join(words.words), COMMANDS)
    if command != "create" and words.values:
        raise ConfigError("flag", " ".join(words.values), "none with this command")
    if command == "create":
        told, secret = desk.create(names[0], words.values.get("--scope", "read"), words.values.get("--days"))
    elif command == "token":
        told, secret = desk.token(names[0])
    else:
        told, secret = desk.revoke(names[0]), ""
    print(told)
    if secret:
        print(secret)
    return 0
