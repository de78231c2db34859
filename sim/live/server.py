"""The gateway behind a real socket: uvicorn with httptools, in the caller's event loop (implements `ports.Server`).

No signal handler, log set-up or forwarded header of uvicorn's is used: addresses are those of the sockets, and whoever
runs the loop decides when it ends.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any, Protocol

import uvicorn

from sim.errors import ConfigError
from sim.integration.gateway.ports import AsgiApp
from sim.integration.gateway.settings import GatewayConfig
from sim.live.protocol import Bounds, protocol_factory

KEEP_ALIVE_S = 5
GRACE_S = 10  # that requests under way have to end
BACKLOG = 2_048


class Served(AsgiApp, Protocol):
    """A gateway, or another application with its settings."""

    config: GatewayConfig


class UvicornServer:
    """Serves one application; `bounds` counts its connections."""

    def __init__(self, gateway: Served) -> None:
        self.gateway = gateway
        self.bounds = Bounds(gateway.config)
        self._server: uvicorn.Server | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    async def start(self) -> int:
        """Returns once it listens; gives the port. Raises `ConfigError` (host, port, certificate)."""
        config = self.gateway.config
        self._socket = bound_socket(config.host.strip("[]"), config.port)
        try:
            self._server = await self._started(self._socket)
        except BaseException:
            self._socket.close()
            raise
        self._loop_task = asyncio.create_task(self._server.main_loop(), name="gateway server")
        return int(self._socket.getsockname()[1])

    async def _started(self, listener: socket.socket) -> uvicorn.Server:
        config = self.gateway.config
        app: Any = self.gateway
        settings = uvicorn.Config(
            app, http=protocol_factory(self.bounds), ws="websockets-sansio", lifespan="off",
            ws_max_size=config.websocket_message_bytes_max, ws_per_message_deflate=False, log_config=None,
            log_level="critical", access_log=False, proxy_headers=False, server_header=False, backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S, ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )  # fmt: skip
        try:
            settings.load()
        except OSError as error:  # ssl.SSLError is one
            problem = f"a certificate and its key that can be read ({error.strerror or type(error).__name__})"
            raise ConfigError("tls_cert", config.tls_cert, problem) from error
        server = uvicorn.Server(settings)
        server.lifespan = settings.lifespan_class(settings)
        await server.startup([listener])
        return server

    async def stop(self) -> None:
        """No new connections; requests under way end within `GRACE_S`. Again does nothing."""
        server, self._server = self._server, None
        if server is None or self._loop_task is None or self._socket is None:
            return
        server.should_exit = True
        await self._loop_task
        await server.shutdown([self._socket])


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening place; raises `ConfigError` where there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle's rule on
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setblocking(False)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        key = "host" if isinstance(error, socket.gaierror) else "port"
        place = host if key == "host" else port
        free = "gateway.port=0 (server.node_port=0 for nodes) takes a free one, or end who listens there"
        step = free if error.errno == errno.EADDRINUSE else ""
        raise ConfigError(key, place, f"a place to listen at ({error.strerror or error})", step) from error
    return found
