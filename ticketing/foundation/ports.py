"""Ports: free, or one sentence."""

from __future__ import annotations

import socket

from ticketing.foundation.errors import Misconfigured


def require_free_port(host: str, port: int) -> None:
    """Raises `Misconfigured` when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured(f"Port {port} is in use: stop what listens there, or choose another port.") from error


def free_port() -> int:
    """A port that is free now, on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
