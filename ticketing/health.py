"""What machines ask a serving process: is it alive, can it serve, and its figures. Outside the API, and not described there."""

from __future__ import annotations

import hmac

from fastapi import FastAPI
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from ticketing.foundation.db import database_now
from ticketing.foundation.http import problem
from ticketing.foundation.metrics import CONTENT_TYPE
from ticketing.messages.outstanding import waiting_messages
from ticketing.payments.outstanding import waiting_payments
from ticketing.webhooks_out.outstanding import waiting_webhooks

LOOPBACK = frozenset({"127.0.0.1", "::1"})
OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def add_health(app: FastAPI) -> None:
    """`/health/live`, `/health/ready`, `/metrics`."""

    @app.get("/health/live", include_in_schema=False)
    async def live() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    @app.get("/health/ready", include_in_schema=False)
    def ready(request: Request) -> Response:
        with request.app.state.database.transaction() as session:
            session.execute(text("select 1"))
        return Response(b'{"status":"ok"}', media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        state = request.app.state
        if not _may_read_figures(request, state.settings.metrics_token):
            return problem(404, "not-found", "There is nothing here.")
        with state.database.transaction() as session:
            now = database_now(session)
            queues = [find(session, now=now) for find in (waiting_messages, waiting_webhooks, waiting_payments)]
        figures = state.metrics.text(queue for found in queues for queue in found)
        return Response(figures, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def _may_read_figures(request: Request, token: str | None) -> bool:
    """Whoever has the token; where none is set, this machine, and nothing that a proxy on it has passed on."""
    if token:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in OF_PROXIES):
        return False
    return request.client is not None and request.client.host in LOOPBACK
