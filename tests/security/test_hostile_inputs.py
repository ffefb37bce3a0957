"""Every endpoint, fed what no friendly program sends: it is refused with a problem, and never ends in a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Response

from tests.security.asking import client_of, signed_in, somebody_who_may
from tests.security.mirror import PARAMETER
from tests.security.test_authorisation import ENDS_THE_ASKER, Scene, scene
from ticketing.accounts.access import Endpoint
from ticketing.authorisation import RULES

__all__ = ["scene"]

ENDPOINTS = sorted(RULES.keys() - ENDS_THE_ASKER)
DEEP = 20_000
NOT_JSON = {
    "nothing": b"",
    "not closed": b'{"a": ',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "cut UTF-8": b'{"email": "\xe2\x82"}',
    "raw NUL": b'{"email": "a\x00b"}',
    "not a number": b'{"seats": [NaN]}',
    "infinite": b'{"seats": [Infinity], "quantity": -Infinity}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "same name twice": b'{"url": "http://127.0.0.1/", "url": 1}',
}
ODD_VALUES: dict[str, Any] = {
    "NUL": "a\u0000b",
    "half a surrogate pair": "\ud800",
    "controls": "\x1b[31m\r\nSet-Cookie: a=b",
    "long": "x" * 60_000,
    "huge number": 10**300,
    "huge negative": -(10**300),
    "beyond 64 bit": 2**63,
    "tiny": 1e-320,
    "list": [[[]]],
    "object": {"$ne": None},
    "true": True,
    "null": None,
    "empty": "",
    "markup": "<script>alert(1)</script>",
    "SQL": "'; drop table user_account; --",
    "right to left": "\u202egnp.exe",
}
ODD_IDS = (
    "%00",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "%0d%0aSet-Cookie:%20a=b",
    "-1",
    "9" * 400,
    "x" * 3_000,
    "{event_id}",
    "%F0%9F%8E%AB",
    "null",
)
ODD_QUERIES = (
    "limit=-1", "limit=" + "9" * 400, "limit=1e3", "limit=%C2%B2", "limit=1&limit=2", "cursor=%00", "cursor=%ff", "cursor=" + "A" * 5_000,
    "search=%00", "search=%", "sort=;", "price_min=1e400", "price_max=NaN", "price_min=-1", "price_max=" + "9" * 30, "city=%ED%A0%80",
    "date_from=0000-00-00", "date_to=99999-01-01", "a&&=&=b", "category[]=x",
)  # fmt: skip
ODD_HEADERS = {
    "Idempotency-Key": [b"", b" ", b"x" * 5_000, b"\xff\xfe", b"a\tb", b"\xc3\xbc"],
    "Authorization": [b"Bearer", b"Bearer ", b"Bearer \xff", b"Basic dTpw", b"Bearer " + b"x" * 8_000, b"bearer a b c", b"Digest"],
    "Cookie": [
        b"ticketing_session",
        b"ticketing_session=;;;",
        b"ticketing_session=\xff",
        b"=" * 3_000,
        b"ticketing_session=" + b"x" * 8_000,
    ],
    "Content-Type": [
        b"",
        b"application/xml",
        b"application/json; charset=utf-16",
        b"text/plain",
        b"multipart/form-data",
        b"\xff",
        b"application/",
    ],
    "If-Match": [b"", b'"', b"*", b"\xff", b'W/"1"', b'"' + b"9" * 500 + b'"'],
    "If-None-Match": [b'"', b"\xff", b"*"],
    "Accept": [b"\xff", b"*/*;q=x"],
    "X-Request-Id": [b"\xff" * 10, b"x" * 500],
    "Host": [b"", b"evil.example.org", b"a b", b"[::1"],
    "Content-Length": [b"9" * 5_000, b"-1"],
    "Accept-Encoding": [b"\xff"],
    "Range": [b"bytes=0-99999999999999999999"],
}


def check(answer: Response, what: object) -> None:
    """No fault, and every refusal is a problem of ours."""
    assert answer.status_code < 500 or answer.status_code == 503, (what, answer.status_code, answer.text)
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json", (what, answer.status_code, answer.text)
        problem = answer.json()
        assert problem["type"].startswith("/problems/"), (what, problem)
        assert problem["type"] != "/problems/unexpected"
    assert "set-cookie" not in {name for name, value in answer.headers.items() if "a=b" in value}


def changed(body: Any, value: Any) -> Iterator[Any]:
    """The body again and again, each time with the value in another place."""
    if isinstance(body, dict):
        for name in body:
            for inner in changed(body[name], value):
                yield body | {name: inner}
    elif isinstance(body, list):
        for at, item in enumerate(body):
            for inner in changed(item, value):
                yield [*body[:at], inner, *body[at + 1 :]]
        yield body * 500
    yield value


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_odd_bodies_are_refused(scene: Scene, endpoint: Endpoint) -> None:
    path, example = scene.examples[endpoint]
    client, who = client_of(scene.app), scene.tokens[somebody_who_may(endpoint)]
    for name, content in NOT_JSON.items():
        if example is None and name not in ("nothing", "deep lists", "not UTF-8"):
            continue
        check(client.request(endpoint[0], path, content=content, headers=signed_in(who) | {"Content-Type": "application/json"}), name)
    if example is None:
        return
    for name, value in ODD_VALUES.items():
        for body in changed(example, value):
            content = json.dumps(body).encode()  # escapes what is no UTF-8
            if len(content) < 65_536:
                headers = signed_in(who) | {"Content-Type": "application/json"}
                check(client.request(endpoint[0], path, content=content, headers=headers), (name, body))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_odd_addresses_are_refused(scene: Scene, endpoint: Endpoint) -> None:
    path, body = scene.examples[endpoint]
    client, who = client_of(scene.app), scene.tokens[somebody_who_may(endpoint)]
    nobody = "00000000-0000-0000-0000-000000000001"
    for name in PARAMETER.findall(endpoint[1]):
        for odd in ODD_IDS:
            address = PARAMETER.sub(lambda found, odd=odd, name=name: odd if found[1] == name else nobody, endpoint[1])  # type: ignore[misc]
            check(client.request(endpoint[0], address, json=body, headers=signed_in(who)), address)
    for query in ODD_QUERIES:
        if endpoint[0] == "GET":
            check(client.get(f"{path}?{query}", headers=signed_in(who)), query)


def family(endpoint: Endpoint) -> tuple[str, str]:
    """Endpoints that read their headers with the same code: by method and feature."""
    return endpoint[0], endpoint[1].split("/")[2]


ONE_OF_EACH_FAMILY = sorted({family(endpoint): endpoint for endpoint in reversed(ENDPOINTS)}.values())


@pytest.mark.parametrize("endpoint", ONE_OF_EACH_FAMILY, ids=" ".join)
def test_odd_headers_are_refused(scene: Scene, endpoint: Endpoint) -> None:
    path, body = scene.examples[endpoint]
    client, who = client_of(scene.app), scene.tokens[somebody_who_may(endpoint)]
    for name, values in ODD_HEADERS.items():
        for value in values:
            headers = {header: text.encode() for header, text in signed_in(who).items() if header != name} | {name: value}
            check(client.request(endpoint[0], path, json=body, headers=headers), (name, value))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=" ".join)
def test_a_body_beyond_every_limit_is_refused_before_it_is_read(scene: Scene, endpoint: Endpoint) -> None:
    path, _ = scene.examples[endpoint]
    headers = signed_in(scene.tokens[somebody_who_may(endpoint)]) | {"Content-Type": "application/json", "Content-Length": str(10**9)}
    answer = client_of(scene.app).request(endpoint[0], path, content=b"{}", headers=headers)
    assert answer.status_code == 413
    if endpoint[0] != "HEAD":
        assert answer.json()["type"] == "/problems/body-too-large"


def test_methods_that_nobody_takes_are_refused(scene: Scene) -> None:
    client = client_of(scene.app)
    for path in sorted({path for path, _ in scene.examples.values()}):
        for method in ("TRACE", "CONNECT", "PROPFIND", "X" * 200):
            answer = client.request(method, path)
            assert answer.status_code == 405, (method, path, answer.status_code)
            assert answer.headers["content-type"] == "application/problem+json"
