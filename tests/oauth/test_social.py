"""Signing in with an account elsewhere, against a provider that speaks real OpenID Connect and OAuth 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from httpx import Response
from joserfc.jwk import RSAKey
from sqlalchemy import text

from tests.app.test_api import problem
from tests.oauth.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from ticketing.app import create_app
from ticketing.foundation.db import Database
from ticketing.foundation.settings import Settings

WAYS = ("google", "github", "facebook")
PASSWORD = "a long password"


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def app(settings: Settings, database: Database, provider: IdentityProvider) -> Any:
    at, us = provider.address, f"{CLIENT}:{SECRET}"
    return create_app(
        settings.model_copy(
            update={
                "public_url": "http://localhost",
                "google_client": us,
                "google_url": at,
                "github_client": us,
                "github_url": at,
                "github_api_url": at,
                "facebook_client": us,
                "facebook_url": at,
                "facebook_api_url": at,
            }
        ),
        database,
    )


@pytest.fixture
def browser(app: Any) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False) as client:
        yield client


def leave(browser: TestClient, way: str) -> str:
    """Off to the provider and on: the address it sends the browser back to."""
    away = browser.get(f"/api/oauth/{way}/start")
    assert away.status_code == 302
    back = httpx.get(away.headers["location"])
    assert back.status_code == 302, back.text
    return back.headers["location"].removeprefix("http://localhost")


def sign_in(browser: TestClient, way: str) -> Response:
    answer: Response = browser.get(leave(browser, way))
    return answer


def me(browser: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = browser.get("/api/me").json()
    return found


def prove(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("update user_contact set verified_at = app_now()"))


@pytest.mark.parametrize("way", WAYS)
def test_somebody_new_has_an_account_and_finds_it_again(browser: TestClient, app: Any, provider: IdentityProvider, way: str) -> None:
    first = sign_in(browser, way)
    assert (first.status_code, first.headers["location"]) == (303, "/orders")
    mine = me(browser)
    assert mine["display_name"] == "Ada"
    provider.person |= {"email": "new-address@example.org", "name": "Ada L."}
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    assert sign_in(other, way).status_code == 303
    assert me(other)["user_id"] == mine["user_id"]


def test_an_account_with_the_same_proven_address_is_joined(browser: TestClient, database: Database, app: Any) -> None:
    body = {"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"}
    account = browser.post("/api/register", json=body).json()["user_id"]
    prove(database)
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    assert sign_in(other, "google").status_code == 303
    assert me(other)["user_id"] == account


@pytest.mark.parametrize("way", WAYS)
def test_an_account_that_has_not_proven_its_address_is_not_joined(browser: TestClient, app: Any, way: str) -> None:
    """Else whoever registers somebody's address first would be let into what that person does later."""
    browser.post("/api/register", json={"email": "ada@example.org", "password": PASSWORD, "display_name": "Eve"})
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    problem(sign_in(other, way), 409, "address-taken")
    assert other.get("/api/me").status_code == 401


@pytest.mark.parametrize("way", WAYS)
def test_an_address_that_the_provider_has_not_proven_joins_nothing(
    browser: TestClient, database: Database, app: Any, provider: IdentityProvider, way: str
) -> None:
    browser.post("/api/register", json={"email": "ada@example.org", "password": PASSWORD, "display_name": "Ada"})
    prove(database)
    provider.person["email_verified"] = False
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    answer = sign_in(other, way)
    assert (answer.status_code, answer.json()["type"]) in ((409, "/problems/address-taken"), (403, "/problems/address-not-given"))
    assert other.get("/api/me").status_code == 401


@pytest.mark.parametrize("way", WAYS)
def test_a_disabled_account_is_not_let_in(browser: TestClient, database: Database, app: Any, way: str) -> None:
    sign_in(browser, way)
    with database.transaction() as session:
        session.execute(text("update user_account set disabled_at = app_now()"))
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    problem(sign_in(other, way), 401, "wrong-credentials")
    assert browser.get("/api/me").status_code == 401


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_worth_nothing_in_another_browser(browser: TestClient, app: Any, way: str) -> None:
    """Nobody is signed in to a stranger's account by a link, and a stolen link signs nobody in."""
    back = leave(browser, way)
    other = TestClient(app, base_url="http://localhost", cookies={}, follow_redirects=False)
    problem(other.get(back), 400, "journey-broken")
    other.get(f"/api/oauth/{way}/start")
    problem(other.get(back), 400, "journey-broken")
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 400


def test_an_answer_for_one_provider_is_none_for_another(browser: TestClient) -> None:
    back = leave(browser, "google")
    problem(browser.get(back.replace("google", "github")), 400, "journey-broken")


def test_the_session_that_the_browser_had_ends(browser: TestClient) -> None:
    planted = browser.post("/api/guests", json={"email": "x@example.org", "display_name": "Guest"}).json()["token"]
    sign_in(browser, "google")
    assert browser.cookies["ticketing_session"] != planted
    assert browser.get("/api/me", headers={"Authorization": f"Bearer {planted}"}).status_code == 401


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": [CLIENT, "another-client"]}},
        {"claims": {"iss": "https://evil.example.org"}},
        {"claims": {"exp": 1_000_000_000}},
        {"claims": {"sub": None}},
        {"algorithm": "none"},
        {"signing_key": RSAKey.generate_key(2048, parameters={"kid": "k1"})},
    ],
    ids=lambda lie: str(lie)[:50],
)
def test_a_token_that_can_not_be_trusted_signs_nobody_in(browser: TestClient, provider: IdentityProvider, lie: dict[str, Any]) -> None:
    for name, value in lie.items():
        setattr(provider, name, value)
    problem(sign_in(browser, "google"), 403, "sign-in-refused")
    assert browser.get("/api/me").status_code == 401


def test_whoever_does_not_agree_is_told_so_on_the_sign_in_page(browser: TestClient, provider: IdentityProvider) -> None:
    provider.refuses = True
    answer = browser.get(leave(browser, "github"), headers={"Accept": "text/html"})
    assert answer.headers["location"] == "/sign-in?failed=sign-in-refused"
    assert "not agreed" in browser.get(answer.headers["location"]).text


def test_a_provider_that_is_down_is_no_fault_of_ours(browser: TestClient, provider: IdentityProvider) -> None:
    back = leave(browser, "google")
    provider.down = True
    answer = browser.get(back)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert browser.get("/sign-in").status_code == 200


def test_nobody_is_sent_to_an_address_that_came_with_the_request(browser: TestClient, provider: IdentityProvider) -> None:
    for query in ("next=//evil.example.org", "redirect_uri=https://evil.example.org", "return_to=https://evil.example.org"):
        away = urlsplit(browser.get(f"/api/oauth/github/start?{query}").headers["location"])
        assert f"{away.scheme}://{away.netloc}" == provider.address
        assert parse_qs(away.query)["redirect_uri"] == ["http://localhost/api/oauth/github/callback"]


def test_only_providers_with_a_client_are_offered(settings: Settings, database: Database, browser: TestClient) -> None:
    page = browser.get("/sign-in").text
    assert all(f"/api/oauth/{way}/start" in page for way in WAYS)
    plain = TestClient(create_app(settings, database), base_url="http://localhost", follow_redirects=False)
    assert "/api/oauth/" not in plain.get("/sign-in").text
    problem(plain.get("/api/oauth/google/start"), 404, "sign-in-provider-not-found")
