"""The gateway's settings: the source's keys by its names, and our bounds. Closed unless opened.

Durations are seconds. A bad value or an unknown key raises `ConfigError`, which names the key, the value and what is
accepted, with the closest key where one is close.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.errors import ConfigError
from sim.settings import settings_of

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
LOOPBACK, OPEN, NO_PAGE = STATUS_PAGES = ("loopback", "open", "none")


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The first thirteen are the source's. Raises `ConfigError` for a value that is not accepted."""

    host: str = "127.0.0.1"
    port: int = 8000  # 0: one that is free
    enable_docs: bool = True
    enable_cors: bool = True
    cors_origins: tuple[str, ...] = ()  # origins that may read answers and open event streams; "*": all
    trusted_hosts: tuple[str, ...] = ()  # besides `host` and, on loopback, its names; "*.example.org", "*": all
    rate_limiting: bool = True
    default_rate_limit: int = 100  # requests of a key (of an address, without authentication) per rate_period_s
    authentication: bool = True
    request_logging: bool = True
    response_logging: bool = True
    metrics_collection: bool = True
    rate_period_s: float = 60.0
    rate_burst: int | None = None  # at once; None: default_rate_limit
    address_rate_limit: int | None = None  # of an address whatever its keys, per rate_period_s; None: none
    limiter_keys_max: int = 100_000
    allow_plaintext: bool = False  # beyond loopback
    tls_cert: str | None = None
    tls_key: str | None = None
    header_count_max: int = 100
    header_bytes_max: int = 16_384
    uri_bytes_max: int = 4_096
    body_bytes_max: int = 1_048_576
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    body_grace_s: float = 5.0  # after which a body must have come at body_rate_min
    body_rate_min: float = 1_000.0  # bytes per second; 0: any
    connections_max: int = 1_000
    connections_per_address_max: int = 100
    requests_max: int = 10_000  # under way
    tasks_max: int = 10_000  # kept; finished ones go first
    task_wait_max_s: float = 30.0  # that a client may ask to wait for its task
    websockets_max: int = 100
    websocket_message_bytes_max: int = 65_536
    events_queue_max: int = 1_000  # events that a subscriber may be behind
    log_rows_max: int = 10_000
    token_issuer: str = "victor-sim"
    token_audience: str = "victor-sim-gateway"
    token_s: float = 900.0  # how long a token is good for
    status_page: str = (
        LOOPBACK  # where the page without data is open: on loopback alone, anywhere (open), nowhere (none)
    )

    def __post_init__(self) -> None:
        for name, accepts, accepted in _RULES:
            value = getattr(self, name)
            if not accepts(value):
                raise ConfigError(name, value, accepted)
        for name in ("cors_origins", "trusted_hosts"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("tls_key", self.tls_key, "a file, together with tls_cert")

    @property
    def burst(self) -> int:
        """Requests that a full bucket lets in at once."""
        return self.default_rate_limit if self.rate_burst is None else self.rate_burst

    @property
    def is_loopback(self) -> bool:
        """Whether nobody beyond this machine can reach `host`."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def serves_page(self) -> bool:
        """Whether the status page, which holds no data, is there for whoever asks."""
        return self.status_page == OPEN or (self.status_page == LOOPBACK and self.is_loopback)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.tls_cert is not None

    @classmethod
    def of(cls, config: Mapping[str, Any] | GatewayConfig | None) -> GatewayConfig:
        """Settings from a mapping with the source's keys; raises `ConfigError`, also for a key that is unknown."""
        return settings_of(cls, config)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _whole(minimum: int, maximum: int | None = None) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        is_int = isinstance(value, int) and not isinstance(value, bool)
        return is_int and value >= minimum and (maximum is None or value <= maximum)  # type: ignore[operator]

    return accepts


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < float("inf")


def _texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) and one for one in value)


def _file(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


def _or_none(accepts: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or accepts(value)


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any(ord(sign) < 33 for sign in value)


_FLAGS = ("enable_docs", "enable_cors", "rate_limiting", "authentication", "request_logging", "response_logging",
          "metrics_collection", "allow_plaintext")  # fmt: skip
_COUNTS = ("default_rate_limit", "limiter_keys_max", "header_count_max", "header_bytes_max", "uri_bytes_max",
           "connections_max", "connections_per_address_max", "requests_max", "tasks_max", "websockets_max",
           "websocket_message_bytes_max", "events_queue_max", "log_rows_max")  # fmt: skip
_TIMES = ("rate_period_s", "header_timeout_s", "body_timeout_s", "body_grace_s", "task_wait_max_s", "token_s")
_RULES: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    *((name, _flag, "true or false") for name in _FLAGS),
    *((name, _whole(1), "a whole number from 1") for name in _COUNTS),
    *((name, _seconds, "a number of seconds above 0") for name in _TIMES),
    ("host", _text, "a host name or an address"),
    ("port", _whole(0, 65_535), "a whole number in 0..65535; 0 takes one that is free"),
    ("cors_origins", _texts, "a list of origins such as https://ui.example.org"),
    ("trusted_hosts", _texts, "a list of host names"),
    ("rate_burst", _or_none(_whole(1)), "a whole number from 1, or none for default_rate_limit"),
    ("address_rate_limit", _or_none(_whole(1)), "a whole number from 1, or none"),
    ("body_bytes_max", _whole(0), "a whole number from 0"),
    ("body_rate_min", lambda value: value == 0 or _seconds(value), "bytes per second from 0"),
    ("tls_cert", _file, "a file, or none"),
    ("tls_key", _file, "a file, or none"),
    ("token_issuer", _text, "a text without spaces"),
    ("token_audience", _text, "a text without spaces"),
    ("status_page", lambda value: value in STATUS_PAGES, "one of " + ", ".join(STATUS_PAGES)),
)
