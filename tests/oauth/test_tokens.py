"""Programs that act for people and vendors: consent, codes, access tokens, refresh tokens, and every way to cheat with them."""

from __future__ import annotations

import base64
import hmac
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from httpx import Response
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import text

from tests import factories
from tests.app.test_api import problem
from tests.oauth.conftest import BACK, PASSWORD, VERIFIER, Town
from tests.security.examples import SOMETHING
from ticketing.accounts.access import Role
from ticketing.accounts.access_tokens import LIFE, Access, Scope
from ticketing.accounts.sessions import disable_account, end_sessions
from ticketing.authorisation import RULES
from ticketing.foundation.clock import utc_now


def refused(answer: Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_person_agrees_and_the_program_buys_for_them(town: Town) -> None:
    asked = town.browser.get(f"/oauth/authorize?{urlencode(town.wish())}")
    assert asked.status_code == 200
    assert "hold seats" in asked.text
    answer = town.redeem(town.code())
    given = answer.json()
    assert (answer.headers["cache-control"], given["token_type"], given["expires_in"]) == ("no-store", "Bearer", 600)
    assert town.me(given["access_token"]).json()["display_name"] == "Ada"
    held = town.hold(given["access_token"], 3)
    assert held.status_code == 201
    assert held.json()["buyer_id"] == town.buyer_id
    renewed = town.renew(given["refresh_token"]).json()
    assert renewed["refresh_token"] != given["refresh_token"]
    assert town.hold(renewed["access_token"], 5).status_code == 201


def test_who_is_not_signed_in_comes_back_after_signing_in(town: Town) -> None:
    browser = town.client()
    query = urlencode(town.wish())
    page = browser.get(f"/oauth/authorize?{query}")
    assert "I have an account" in page.text
    form = {"email": "ada@example.org", "password": PASSWORD, "grant": query}
    onward = browser.post("/sign-in", data=form).headers["location"]
    assert onward.startswith("/oauth/authorize?")
    assert "asks to act for you" in browser.get(onward).text


def test_whoever_refuses_is_sent_back_with_that(town: Town) -> None:
    answer = town.browser.post("/oauth/authorize", data=town.wish() | {"decision": "refuse"})
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (back["error"], back["iss"], back["x"]) == (["access_denied"], ["http://localhost"], ["1"])


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example.org/"},
        {"redirect_uri": BACK + "&y=2"},
        {"redirect_uri": "//evil.example.org"},
        {"client_id": str(uuid4())},
        {"client_id": "x"},
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(town: Town, changes: dict[str, str]) -> None:
    for answer in (
        town.browser.get(f"/oauth/authorize?{urlencode(town.wish(**changes))}"),
        town.browser.post("/oauth/authorize", data=town.wish(**changes) | {"decision": "allow"}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "webhooks"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
    ids=str,
)
def test_what_a_program_may_not_ask_is_told_to_it(town: Town, changes: dict[str, str], error: str) -> None:
    answer = town.browser.get(f"/oauth/authorize?{urlencode(town.wish(**changes))}")
    assert answer.headers["location"].startswith(BACK)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == [error]


def test_a_guest_and_a_program_can_not_agree(town: Town) -> None:
    given = town.redeem(town.code()).json()["access_token"]
    guest = town.client()
    guest.post("/api/guests", json={"email": "g@example.org", "display_name": "Guest"})
    program = town.client()
    program.headers["Authorization"] = f"Bearer {given}"
    for browser in (guest, program, town.client()):
        assert browser.post("/oauth/authorize", data=town.wish() | {"decision": "allow"}).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": VERIFIER[::-1]}, {"code_verifier": ""}, {"redirect_uri": "https://app.example.org/other"}, {"code": "x" * 43}],
    ids=str,
)
def test_a_stolen_code_is_worth_nothing(town: Town, changes: dict[str, str]) -> None:
    code = town.code()
    refused(town.redeem(code, **changes), "invalid_grant")
    other = town.add_program()
    refused(town.redeem(code, client_id=other["id"], client_secret=other["secret"]), "invalid_grant")
    assert town.redeem(code).status_code == 200


def test_a_code_used_twice_ends_all_that_came_of_it(town: Town) -> None:
    code = town.code()
    given = town.redeem(code).json()
    refused(town.redeem(code), "invalid_grant")
    refused(town.renew(given["refresh_token"]), "invalid_grant")


def test_a_code_is_good_for_a_minute(town: Town) -> None:
    code = town.code()
    with town.database.transaction() as session:
        session.execute(text("update oauth_grant set code_expires_at = app_now() - interval '1 second'"))
    refused(town.redeem(code), "invalid_grant")


def spend_earlier(town: Town, seconds: int) -> None:
    with town.database.transaction() as session:
        session.execute(text("update refresh_token set spent_at = spent_at - make_interval(secs => :s)"), {"s": seconds})


def test_two_tabs_that_renew_at_once_get_the_same_successor(town: Town) -> None:
    first = town.redeem(town.code()).json()["refresh_token"]
    one, other = town.renew(first).json(), town.renew(first).json()
    assert one["refresh_token"] == other["refresh_token"]
    assert town.renew(one["refresh_token"]).status_code == 200


@pytest.mark.parametrize("how", ["later", "after its successor"])
def test_a_refresh_token_used_again_ends_its_family(town: Town, how: str) -> None:
    first = town.redeem(town.code()).json()["refresh_token"]
    second = town.renew(first).json()["refresh_token"]
    if how == "later":
        spend_earlier(town, 21)
    else:
        second = town.renew(second).json()["refresh_token"]
    refused(town.renew(first), "invalid_grant")
    refused(town.renew(second), "invalid_grant")


def test_within_the_grace_a_family_lives_on(town: Town) -> None:
    """The control of the test above."""
    first = town.redeem(town.code()).json()["refresh_token"]
    second = town.renew(first).json()["refresh_token"]
    spend_earlier(town, 15)
    assert town.renew(first).json()["refresh_token"] == second


def test_another_programs_refresh_token_is_not_renewed(town: Town) -> None:
    token = town.redeem(town.code()).json()["refresh_token"]
    other = town.add_program()
    who = {"client_id": other["id"], "client_secret": other["secret"]}
    refused(town.token(grant_type="refresh_token", refresh_token=token, **who), "invalid_grant")
    assert town.client().post("/api/oauth/revoke", data=who | {"token": token}).status_code == 200
    assert town.renew(token).status_code == 200


@pytest.mark.parametrize("how", ["revoked", "signed out everywhere", "disabled", "password reset"])
def test_a_family_ends_with(town: Town, how: str) -> None:
    given = town.redeem(town.code()).json()
    if how == "revoked":
        who = {"client_id": town.program["id"], "client_secret": town.program["secret"]}
        assert town.client().post("/api/oauth/revoke", data=who | {"token": given["refresh_token"]}).status_code == 200
    elif how == "signed out everywhere":
        assert town.browser.delete("/api/sessions").status_code == 204
    else:
        with town.database.transaction() as session:
            if how == "disabled":
                disable_account(session, user_id=UUID(town.buyer_id), actor_id=UUID(town.buyer_id), now=utc_now())
            else:
                end_sessions(session, user_id=UUID(town.buyer_id), now=utc_now())
    refused(town.renew(given["refresh_token"]), "invalid_grant")
    if how == "disabled":
        assert town.me(given["access_token"]).status_code == 401
        assert town.hold(given["access_token"], 4).status_code == 401


def test_a_disabled_person_gives_nothing_to_programs(town: Town) -> None:
    """A code that was given before is worth nothing, and the browser that was signed in agrees to nothing more."""
    code = town.code()
    with town.database.transaction() as session:
        session.execute(text("update user_account set disabled_at = app_now() where id = :id"), {"id": town.buyer_id})
    refused(town.redeem(code), "invalid_grant")
    assert town.browser.post("/oauth/authorize", data=town.wish() | {"decision": "allow"}).status_code == 401


def test_a_removed_program_is_let_in_nowhere(town: Town) -> None:
    given = town.redeem(town.code()).json()
    path = f"/api/vendors/{town.sale.vendor.id}/clients/{town.program['id']}"
    assert town.client().delete(path, headers=town.owner).status_code == 204
    refused(town.renew(given["refresh_token"]), "invalid_client", 401)
    assert town.me(given["access_token"]).status_code == 401
    assert town.hold(given["access_token"], 4).status_code == 401
    problem(town.client().delete(path, headers=town.owner), 404, "client-not-found")


def forged(town: Town, how: str) -> str:
    tokens, access = town.tokens, Access(UUID(town.buyer_id), UUID(town.program["id"]), frozenset({"profile", "buy"}))
    now = utc_now()
    true = tokens.make(access, now=now)
    header, claims, signature = true.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    if how == "true":
        return true
    if how == "tampered":
        other = said | {"sub": str(uuid4())}
        return f"{header}.{base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip('=')}.{signature}"
    if how == "expired":
        return tokens.make(access, now=now - LIFE - timedelta(seconds=1))
    if how == "from the future":
        return tokens.make(access, now=now + 2 * LIFE)
    if how == "alg none":
        plain = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).decode().rstrip("=")
        return f"{plain}.{claims}."
    head = {"alg": "Ed25519", "kid": tokens.key_id, "typ": "at+jwt"}
    if how == "other key":
        return jwt.encode(head, said, OKPKey.generate_key("Ed25519"), algorithms=["Ed25519"])
    if how == "public key as secret":
        plain = base64.urlsafe_b64encode(json.dumps(head | {"alg": "HS256"}).encode()).decode().rstrip("=")
        mac = hmac.digest(tokens.key.as_pem(private=False), f"{plain}.{claims}".encode(), "sha256")
        return f"{plain}.{claims}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    if how == "wrong type":
        return jwt.encode(head | {"typ": "JWT"}, said, tokens.key, algorithms=["Ed25519"])
    lies = {
        "wrong audience": {"aud": "somebody"},
        "wrong issuer": {"iss": "https://evil.example.org"},
        "no such person": {"sub": str(uuid4())},
    }
    return jwt.encode(head, said | lies[how], tokens.key, algorithms=["Ed25519"])


@pytest.mark.parametrize(
    "how",
    [
        "tampered", "expired", "from the future", "alg none", "other key", "public key as secret", "wrong type", "wrong audience",
        "wrong issuer", "no such person",
    ],
)  # fmt: skip
def test_an_access_token_that_is_not_ours_is_refused_on_cold_and_hot_paths(town: Town, how: str) -> None:
    token = forged(town, how)
    problem(town.me(token), 401, "unauthenticated")
    problem(town.hold(token, 7), 401, "unauthenticated")


def test_a_true_access_token_is_accepted(town: Town) -> None:
    """The control of the test above."""
    assert town.me(forged(town, "true")).status_code == 200
    assert town.hold(forged(town, "true"), 7).status_code == 201


def test_each_endpoint_wants_the_scope_that_its_rule_names(town: Town) -> None:
    """With all scopes but the rule's, every endpoint refuses; so do those that are for sessions only, with all of them."""
    for (method, path), rule in sorted(RULES.items()):
        if Role.ANYONE in rule.roles:
            continue
        scopes = frozenset(scope.value for scope in Scope if scope is not rule.scope)
        token = town.tokens.make(Access(UUID(town.buyer_id), UUID(town.program["id"]), scopes), now=utc_now())
        address = re.sub(r"\{\w+\}", str(SOMETHING), path)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
        answer = town.client().request(method, address, headers=headers, json={})
        assert answer.status_code == 403, (method, path, answer.status_code)
        if method != "HEAD":
            assert answer.json()["type"] == "/problems/scope-missing", (method, path, answer.text)


def test_a_program_acts_for_its_vendor_and_for_nobody_else(town: Town) -> None:
    answer = town.token(grant_type="client_credentials")
    given = answer.json()
    assert (given["scope"], "refresh_token" in given) == ("events", False)
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    assert town.client().get(f"/api/vendors/{town.sale.vendor.id}/events", headers=headers).status_code == 200
    with town.database.transaction() as session:
        other = factories.make_event_on_sale(session)
    problem(town.client().get(f"/api/vendors/{other.vendor.id}/events", headers=headers), 404, "vendor-not-found")
    problem(town.client().get("/api/webhooks", headers=headers), 403, "scope-missing")
    problem(town.me(given["access_token"]), 403, "scope-missing")
    problem(town.hold(given["access_token"], 1), 403, "scope-missing")
    refused(town.token(grant_type="client_credentials", scope="buy"), "invalid_scope")


def test_a_public_client_has_no_secret_and_acts_for_people_only(town: Town) -> None:
    secret = town.program
    town.program = town.add_program(confidential=False)
    assert town.program["secret"] is None
    form = {"client_id": town.program["id"], "grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER}
    assert town.client().post("/api/oauth/token", data=form | {"code": town.code()}).status_code == 200
    refused(town.client().post("/api/oauth/token", data=form | {"grant_type": "client_credentials"}), "invalid_client", 401)
    refused(town.client().post("/api/oauth/token", data=form | {"client_secret": secret["secret"]}), "invalid_client", 401)


def test_who_does_not_know_the_secret_is_no_client(town: Town) -> None:
    for form in ({"client_secret": "x"}, {"client_secret": ""}, {"client_id": str(uuid4())}, {"client_id": "\0"}):
        refused(town.token(grant_type="client_credentials", **form), "invalid_client", 401)
    basic = base64.b64encode(f"{town.program['id']}:{town.program['secret']}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    for header, status in ((f"Basic {basic}", 200), ("Basic !", 401), ("Basic " + basic[:-6], 401)):
        assert town.client().post("/api/oauth/token", data=form, headers={"Authorization": header}).status_code == status
    refused(town.token(grant_type="password", username="ada", password=PASSWORD), "unsupported_grant_type")


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.org/",
        "javascript:alert(1)",
        "https://app.example.org/#x",
        "https://u:p@app.example.org/",
        "https:///x",
        "/back",
        'https://x.org/"',
    ],
)
def test_addresses_that_could_leak_codes_are_not_registered(town: Town, uri: str) -> None:
    body = {"name": "App", "redirect_uris": [uri], "scopes": ["buy"]}
    answer = town.client().post(f"/api/vendors/{town.sale.vendor.id}/clients", json=body, headers=town.owner)
    problem(answer, 422, "invalid")


def test_the_server_describes_itself(town: Town) -> None:
    told = town.client().get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == "http://localhost"
    keys = town.client().get("/.well-known/jwks.json").json()["keys"]
    assert "d" not in keys[0]
    public = OKPKey.import_key(keys[0])
    claims = jwt.decode(forged(town, "true"), public, algorithms=["Ed25519"]).claims
    assert claims["aud"] == "api"
