"""Real HTTP receivers on loopback, and a second implementation of Standard Webhooks to check what they get."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver's library does it: any entry of the header that fits."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return any(
        version == "v1" and hmac.compare_digest(given, wanted)
        for version, given in (entry.split(",", 1) for entry in headers["webhook-signature"].split(" "))
    )


@dataclass(frozen=True)
class Call:
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass
class Receiver:
    """Keeps what it gets, and answers with `status`, `answer` and `extra` headers."""

    url: str = ""
    status: int = 200
    answer: bytes = b"ok"
    extra: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    """Happens before the first answer."""


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.calls.append(Call({name.lower(): value for name, value in self.headers.items()}, body))
            happen, receiver.meanwhile = receiver.meanwhile, None
            if happen is not None:
                happen()
            self.send_response(receiver.status)
            for name, value in receiver.extra.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
