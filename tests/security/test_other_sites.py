"""What another site can make a browser do: nothing that changes anything, no session of its choosing, no way on to itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from tests.app.test_api import problem
from tests.security.asking import client_of, somebody_who_may
from tests.security.mirror import PARAMETER
from tests.security.test_authorisation import Scene, scene
from ticketing.accounts.access import Endpoint
from ticketing.accounts.http import COOKIES, SAFE_METHODS
from ticketing.accounts.rules import Audience
from ticketing.authorisation import RULES
from ticketing.storefront.pages import PARTS

__all__ = ["scene"]

EVIL = "evil.example.org"
ELSEWHERE = (f"https://{EVIL}/", f"//{EVIL}/", f"/\\{EVIL}")
ONWARD = ("next", "return_to", "redirect", "redirect_uri", "url", "continue", "for")
WRITING = sorted(endpoint for endpoint in RULES if endpoint[0] not in SAFE_METHODS)


def pages(methods: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(method, template) of the storefront's pages."""
    for route in itertools.chain.from_iterable(part.routes for part in PARTS):
        assert isinstance(route, APIRoute)
        assert route.methods
        for method in sorted(route.methods & methods):
            yield method, route.path


def cookies(scene: Scene, who: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIES[Audience.SHOP]}={scene.tokens[who]}"}


@pytest.mark.parametrize("endpoint", WRITING, ids=" ".join)
@pytest.mark.parametrize("said", [{"Origin": f"https://{EVIL}"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_an_endpoint_that_changes_something_refuses_a_browser_on_another_site(
    scene: Scene, endpoint: Endpoint, said: dict[str, str]
) -> None:
    path, body = scene.examples[endpoint]
    headers = cookies(scene, somebody_who_may(endpoint)) | {"Idempotency-Key": uuid4().hex} | said
    problem(client_of(scene.app).request(endpoint[0], path, json=body, headers=headers), 403, "other-site")


def test_a_page_that_changes_something_refuses_a_browser_on_another_site(scene: Scene) -> None:
    asked = list(pages(frozenset({"POST", "PUT", "PATCH", "DELETE"})))
    for method, template in asked:
        headers = cookies(scene, "stranger") | {"Origin": f"https://{EVIL}"}
        answer = client_of(scene.app).request(method, PARAMETER.sub("x", template), data={}, headers=headers)
        assert answer.status_code == 403, (template, answer.status_code)
        ours = headers | {"Origin": "http://localhost"}
        assert client_of(scene.app).request(method, PARAMETER.sub("x", template), data={}, headers=ours).status_code != 403, template
    assert len(asked) > 5


def leads_away(location: str, app: FastAPI) -> bool:
    settings = app.state.settings
    ours = ("http://localhost/", settings.public_url, settings.desk_url)
    local = location.startswith("/") and not location.startswith(("//", "/\\"))
    return not local and not location.startswith(ours)


def test_no_page_sends_a_browser_on_to_an_address_that_came_with_the_request(scene: Scene) -> None:
    client = client_of(scene.app)
    for method, template in pages(frozenset({"GET", "POST"})):
        for parameter in ONWARD:
            for address in ELSEWHERE:
                path = PARAMETER.sub("x", template)
                data = {parameter: address, "email": "x@example.org", "password": "x" * 12, "name": "x"} if method == "POST" else None
                if template == "/register" or (template, method) == ("/sign-in", "POST"):
                    continue  # below: they cost a hash each
                answer = client.request(method, path, params={parameter: address}, data=data, headers=cookies(scene, "stranger"))
                location = answer.headers.get("location", "/")
                assert not leads_away(location, scene.app), (template, parameter, location)


def test_signing_in_leads_to_places_of_ours_whatever_the_form_says(scene: Scene) -> None:
    client = client_of(scene.app)
    data = {"email": f"{uuid4().hex}@example.org", "password": "a long password", "name": "Ada"} | dict.fromkeys(ONWARD, f"//{EVIL}/")
    for path in ("/register", "/sign-in"):
        answer = client.post(path, data=data, params=dict.fromkeys(ONWARD, f"//{EVIL}/"))
        assert answer.status_code == 303, answer.text
        assert not leads_away(answer.headers["location"], scene.app)


@pytest.mark.parametrize(
    "path", [f"//{EVIL}/", f"//{EVIL}/%2f..", f"/\\{EVIL}/", f"///{EVIL}//", f"/api/events/%2f%2f{EVIL}/", "/api/events/"]
)
def test_tidied_up_addresses_stay_on_this_host(scene: Scene, path: str) -> None:
    answer = client_of(scene.app).get(path)
    assert not leads_away(answer.headers.get("location", "/"), scene.app), answer.headers["location"]


def test_a_session_that_somebody_planted_is_worth_nothing_after_any_sign_in(scene: Scene) -> None:
    """Session fixation: on each way in, the browser gets another session, and the one it came with ends."""
    email, password = f"{uuid4().hex}@example.org", "a long password"
    account = {"email": email, "password": password}
    client = TestClient(scene.app, base_url="http://localhost", cookies={})
    assert client.post("/api/register", json=account | {"display_name": "Ada"}).status_code == 201
    guest = {"email": "guest@example.org", "display_name": "Ada"}
    other = {"email": f"{uuid4().hex}@example.org", "password": password}
    ways = [
        ("/api/login", {"json": account}),
        ("/api/guests", {"json": guest}),
        ("/api/register", {"json": other | {"display_name": "Eve"}}),
        ("/sign-in", {"data": account}),
        ("/register", {"data": {"email": f"{uuid4().hex}@example.org", "password": password, "name": "Eve"}}),
    ]
    for path, sent in ways:
        planted = client_of(scene.app).post("/api/guests", json=guest).json()["token"]
        for token in (planted, "chosen-by-an-attacker"):
            name = COOKIES[Audience.SHOP]
            answer = client_of(scene.app).post(path, headers={"Cookie": f"{name}={token}"}, **sent)
            if path.endswith("register") and token != planted:
                continue  # the address is taken by now
            assert answer.status_code < 400, (path, answer.text)
            assert answer.cookies[name] not in (planted, "chosen-by-an-attacker")
            assert client_of(scene.app).get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401, path
