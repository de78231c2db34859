"""Bearer tokens: what is accepted, and every known way to forge one."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from sim.errors import ConfigError
from sim.integration.gateway.keys import KeyRing
from sim.integration.gateway.settings import GatewayConfig
from sim.integration.gateway.tokens import Tokens
from tests.integration.gateway.rig import EPOCH_S, Entropy

NOW = EPOCH_S
PEPPER = b"p" * 32


class Desk:
    def __init__(self) -> None:
        self.ring = KeyRing(PEPPER, Entropy())
        self.ring.issue("ops", ("operate",), NOW - 100.0)
        self.tokens = Tokens(self.ring, GatewayConfig())
        self.secret = self.ring.derive("jwt")
        self.record = self.ring.find("ops")

    def claims(self, **changes: Any) -> dict[str, Any]:
        told = {
            "iss": "victor-sim", "aud": "victor-sim-gateway", "sub": self.record.key_id, "iat": int(NOW),
            "exp": int(NOW) + 900, "scope": "operate", **changes,
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    def signed(self, headers: dict[str, Any] | None = None, algorithm: str = "HS256", **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), self.secret, algorithm=algorithm, headers=headers)


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_a_good_token_is_its_keys() -> None:
    desk = Desk()
    found = desk.tokens.verify(desk.tokens.make(desk.record, NOW), NOW)
    assert found is not None
    assert (found.key_id, found.name, found.scopes) == (desk.record.key_id, "ops", ("operate",))


def test_it_ends_exactly_when_it_says() -> None:
    desk = Desk()
    token = desk.tokens.make(desk.record, NOW)
    good = [desk.tokens.verify(token, NOW + later) is not None for later in (0.0, 899.999, 900.0, 901.0, -1.0)]
    assert good == [True, True, False, False, False]


def by_hand(desk: Desk, secret: bytes, algorithm: str, digest: str) -> str:
    """What libraries refuse to sign."""
    text = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(desk.claims())}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), digest)).rstrip(b"=").decode()
    return f"{text}.{signature}"


FORGED: dict[str, Callable[[Desk], str]] = {
    "alg none": lambda d: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(d.claims())}.",
    "alg None in other letters": lambda d: f"{part({'alg': 'nOnE', 'typ': 'JWT'})}.{part(d.claims())}.",
    "no signature": lambda d: d.signed().rsplit(".", 1)[0] + ".",
    "another algorithm, right secret": lambda d: by_hand(d, d.secret, "HS512", "sha512"),
    "algorithm confusion": lambda d: d.signed().replace(d.signed().split(".")[0], part({"alg": "RS256", "typ": "JWT"})),
    "kid": lambda d: d.signed({"kid": "../../dev/null"}),
    "kid of a key": lambda d: d.signed({"kid": d.record.key_id}),
    "jku": lambda d: d.signed({"jku": "http://evil.example/keys"}),
    "embedded jwk": lambda d: d.signed({"jwk": {"kty": "oct", "k": "AA"}}),
    "crit": lambda d: d.signed({"crit": ["exp"]}),
    "another secret": lambda d: jwt.encode(d.claims(), b"x" * 32, algorithm="HS256"),
    "empty secret": lambda d: by_hand(d, b"", "HS256", "sha256"),
    "expired": lambda d: d.signed(exp=int(NOW)),
    "not yet": lambda d: d.signed(nbf=int(NOW) + 1),
    "from the future": lambda d: d.signed(iat=int(NOW) + 1),
    "no expiry": lambda d: d.signed(exp=None),
    "no subject": lambda d: d.signed(sub=None),
    "no audience": lambda d: d.signed(aud=None),
    "no issuer": lambda d: d.signed(iss=None),
    "another audience": lambda d: d.signed(aud="other"),
    "another issuer": lambda d: d.signed(iss="other"),
    "an unknown key": lambda d: d.signed(sub="00000000"),
    "a wider scope than the key's": lambda d: d.signed(scope="admin"),
    "a scope that is none": lambda d: d.signed(scope="root"),
    "no scope": lambda d: d.signed(scope=None),
    "an expiry that is true": lambda d: d.signed(exp=True),
    "too long": lambda d: d.signed(padding="x" * 3_000),
    "changed claims": lambda d: ".".join(
        [d.signed().split(".")[0], part(d.claims(scope="admin")), d.signed().split(".")[2]]
    ),
    "not ASCII": lambda d: d.signed() + "\xff",
    "five parts": lambda d: d.signed() + ".a.b",
    "nothing": lambda d: "",
}


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_token_lets_nobody_in(attack: str) -> None:
    desk = Desk()
    assert desk.tokens.verify(FORGED[attack](desk), NOW) is None


def test_the_attacks_differ_from_a_good_token_by_one_thing() -> None:
    desk = Desk()
    assert desk.tokens.verify(desk.signed(), NOW) is not None
    assert desk.tokens.verify(by_hand(desk, desk.secret, "HS256", "sha256"), NOW) is not None
    assert desk.tokens.verify(desk.signed(scope="read"), NOW) is not None  # a narrower scope is fine
    assert desk.tokens.verify(desk.signed(nbf=int(NOW)), NOW) is not None


def test_a_revoked_or_expired_key_takes_its_tokens_along() -> None:
    desk = Desk()
    token = desk.tokens.make(desk.record, NOW)
    desk.ring.revoke("ops", NOW + 1.0)
    assert desk.tokens.verify(token, NOW + 2.0) is None
    with pytest.raises(ConfigError, match="neither expired nor revoked"):
        desk.tokens.make(desk.ring.find("ops"), NOW + 2.0)
    desk.ring.issue("short", ("read",), NOW, NOW + 10.0)
    short = desk.tokens.make(desk.ring.find("short"), NOW)
    assert [desk.tokens.verify(short, NOW + later) is not None for later in (9.0, 10.0)] == [True, False]
