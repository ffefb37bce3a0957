"""Asking one endpoint in every wrong way, as somebody who may ask it."""

from __future__ import annotations

from uuid import uuid4

from fastapi import FastAPI
from fastapi.testclient import TestClient

from ticketing.accounts.access import Endpoint, Role
from ticketing.authorisation import RULES


def somebody_who_may(endpoint: Endpoint) -> str:
    """A name in the scene's tokens whom the endpoint's rule allows; the buyer where anybody may."""
    roles = RULES[endpoint].roles
    if roles & {Role.ANYONE, Role.BUYER}:
        return "buyer"
    platform = {Role.OPERATOR: "operator", Role.ANALYST: "analyst"}
    return next((platform[role] for role in roles if role in platform), f"{sorted(roles)[0].value} of own")


def client_of(app: FastAPI) -> TestClient:
    """Without cookies, and with faults as answers."""
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, cookies={}, follow_redirects=False)


def signed_in(token: str) -> dict[str, str]:
    """Headers with a fresh Idempotency-Key."""
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
