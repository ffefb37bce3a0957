"""An identity provider of the test's own, over HTTP: OpenID Connect as Google speaks it, OAuth 2.0 as GitHub and Facebook do.

Whoever comes is signed in at once as `person`. It checks what a real one checks: client, return address, code, PKCE.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Form, Request
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.world import wait_for
from ticketing.foundation.ports import free_port

CLIENT = "our-client"
SECRET = "our-secret"
ADA = {"sub": "1001", "name": "Ada", "email": "ada@example.org", "email_verified": True}


@dataclass
class IdentityProvider:
    """Change its fields to make it lie."""

    address: str
    person: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of the true ones."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, parameters={"kid": "k1"}))
    signing_key: RSAKey | None = None
    algorithm: str = "RS256"
    down: bool = False
    refuses: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def id_token(self, asked: dict[str, str]) -> str:
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "nonce": asked.get("nonce"),
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
        } | self.person
        if self.algorithm == "none":
            parts = (b'{"alg":"none"}', json.dumps(claims | self.claims).encode())
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "k1"}, claims | self.claims, self.signing_key or self.key)


def build(provider: IdentityProvider) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def fail(request: Request, go_on: Any) -> Response:
        answer: Response = Response(status_code=500) if provider.down and request.url.path != "/alive" else await go_on(request)
        return answer

    @app.get("/alive")
    def alive() -> dict[str, str]:
        return {}

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, str]:
        at = provider.address
        return {"issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/certs"}

    @app.get("/certs")
    def certs() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    @app.get("/login/oauth/authorize")
    @app.get("/dialog/oauth")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        told = {"state": asked["state"]}
        if provider.refuses:
            told["error"] = "access_denied"
        else:
            told["code"] = secrets.token_urlsafe(16)
            provider.codes[told["code"]] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(told)}", status_code=302)

    @app.post("/token")
    @app.post("/login/oauth/access_token")
    @app.post("/oauth/access_token")
    def token(
        code: str = Form(), redirect_uri: str = Form(), client_id: str = Form(), client_secret: str = Form(), code_verifier: str = Form()
    ) -> Response:
        asked = provider.codes.pop(code, None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).decode().rstrip("=")
        if (
            asked is None
            or (client_id, client_secret) != (CLIENT, SECRET)
            or (asked["redirect_uri"], asked["code_challenge"]) != (redirect_uri, challenge)
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access = secrets.token_urlsafe(16)
        provider.tokens.add(access)
        return JSONResponse({"access_token": access, "token_type": "bearer", "id_token": provider.id_token(asked)})

    _tell_who(app, provider)
    return app


def _tell_who(app: FastAPI, provider: IdentityProvider) -> None:
    def known(request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in provider.tokens

    @app.get("/user")
    @app.get("/me")
    def user(request: Request) -> Response:
        who = {"id": provider.person["sub"], "name": provider.person["name"], "login": "ada", "email": provider.person.get("email")}
        return JSONResponse(who if known(request) else {"error": "unknown"}, status_code=200 if known(request) else 401)

    @app.get("/user/emails")
    def emails(request: Request) -> Response:
        found = {"email": provider.person.get("email"), "primary": True, "verified": provider.person["email_verified"]}
        return JSONResponse([found] if known(request) else [], status_code=200)


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    port = free_port()
    provider = IdentityProvider(f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(build(provider), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(f"{provider.address}/alive")
    yield provider
    server.should_exit = True
    thread.join()
