"""Calls to addresses of other people: what is refused, and that what was checked is what is called."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.webhooks_out.receivers import receiving
from ticketing.foundation.clock import utc_now
from ticketing.foundation.outbound import AddressRefused, NoAnswer, Outside, is_public, resolve_name
from ticketing.foundation.ports import free_port
from ticketing.foundation.settings import Settings

PUBLIC = "93.184.216.34"

REFUSED = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.8.9.10/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://localhost/",
    "https://localhost./",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fc00::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    f"https://me@{PUBLIC}/",
    f"https://me:secret@{PUBLIC}/",
    "https://example.org@127.0.0.1/",
    f"https://127.0.0.1\\@{PUBLIC}/",
    f"https://{PUBLIC}#@127.0.0.1/",
    f"https://{PUBLIC}:22/",
    f"https://{PUBLIC}:25/",
    f"https://{PUBLIC}:0/",
    f"https://{PUBLIC}:99999/",
    f"http://{PUBLIC}/",
    f"ftp://{PUBLIC}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "//127.0.0.1/",
    "127.0.0.1",
    "",
    "https://",
    "https:///path",
    f"https://{PUBLIC}/a b",
    f"https://{PUBLIC}/\r\nHost: elsewhere",
    f"https://{PUBLIC}/\x00",
    "https://" + "a" * 64 + ".invalid/",
    f"https://{PUBLIC}/" + "a" * 2000,
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_is_refused_when_it_does_not_lead_to_the_public_internet(address: str) -> None:
    with pytest.raises(AddressRefused):
        Outside().check(address)
    with pytest.raises((AddressRefused, NoAnswer)):
        Outside(timeout_seconds=1).request("GET", address)


@pytest.mark.parametrize("address", [f"https://{PUBLIC}/", "https://[2606:2800:220:1::1]:8443/hook?x=1", "https://93.184.216.34:443"])
def test_a_public_address_is_accepted(address: str) -> None:
    Outside().check(address)


@pytest.mark.parametrize(
    ("environment", "address", "accepted"),
    [
        ("production", f"http://{PUBLIC}/", False),
        ("demo", f"http://{PUBLIC}/", True),
        ("test", f"http://{PUBLIC}/", True),
        ("production", "https://127.0.0.1/", False),
        ("demo", "http://127.0.0.1/", False),
        ("test", "http://127.0.0.1/", True),
        ("test", "http://[::1]:8080/", True),
        ("test", "http://[::ffff:127.0.0.1]/", False),
        ("test", "http://192.168.1.1/", False),
        ("test", "http://169.254.169.254/", False),
    ],
)
def test_plain_http_and_loopback_are_for_the_environments_that_need_them(environment: str, address: str, accepted: bool) -> None:
    outside = Outside.from_settings(Settings(environment=environment))  # type: ignore[arg-type]
    if accepted:
        outside.check(address)
    else:
        with pytest.raises(AddressRefused):
            outside.check(address)


def names(*answers: Sequence[str], loopback: bool = False) -> tuple[list[str], Outside]:
    """An outside whose resolver gives these answers in turn, and the list of what it was asked."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return asked, Outside(plain_http=True, loopback=loopback, timeout_seconds=1, resolve=resolve)


@pytest.mark.parametrize("places", [["127.0.0.1"], ["10.1.2.3"], ["::1"], [PUBLIC, "127.0.0.1"], [PUBLIC, "::ffff:10.0.0.1"], [], ["what"]])
def test_a_name_is_refused_when_any_of_its_addresses_is_inside(places: Sequence[str]) -> None:
    _, outside = names(places)
    with pytest.raises(AddressRefused):
        outside.check("http://hooks.example.org/")
    with pytest.raises(AddressRefused):
        outside.request("GET", "http://hooks.example.org/")


def test_the_connection_goes_to_the_address_that_was_checked_when_the_name_changes_meanwhile() -> None:
    with receiving() as inside:
        port = inside.url.rsplit(":", 1)[1].split("/")[0]
        asked, outside = names(["192.0.2.7"], ["127.0.0.1"])
        with pytest.raises(AddressRefused):
            outside.request("GET", f"http://rebinding.example.org:{port}/hook")
        assert (asked, inside.calls) == (["rebinding.example.org"], [])
        asked, outside = names(["127.0.0.2"], ["127.0.0.1"], loopback=True)  # nobody listens at the first
        with pytest.raises(NoAnswer):
            outside.request("GET", f"http://rebinding.example.org:{port}/hook")
        assert (asked, inside.calls) == (["rebinding.example.org"], [])


def test_a_name_is_asked_once_and_its_host_header_is_kept() -> None:
    with receiving() as receiver:
        port = receiver.url.rsplit(":", 1)[1].split("/")[0]
        asked: list[str] = []

        def resolve(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"]

        outside = Outside(plain_http=True, loopback=True, resolve=resolve)
        answer = outside.request("POST", f"http://hooks.example.org:{port}/hook", body=b"{}")
        assert (answer.status, answer.body, answer.cut_off) == (200, b"ok", False)
        assert asked == ["hooks.example.org"]
        assert receiver.calls[0].headers["host"] == f"hooks.example.org:{port}"


def test_a_redirect_is_the_answer() -> None:
    outside = Outside(plain_http=True, loopback=True)
    with receiving() as receiver, receiving() as elsewhere:
        receiver.status, receiver.extra = 302, {"Location": elsewhere.url}
        answer = outside.request("GET", receiver.url)
        assert (answer.status, answer.headers["location"]) == (302, elsewhere.url)
        assert elsewhere.calls == []


def test_a_long_answer_is_cut_off_and_a_packed_one_is_not_unpacked() -> None:
    outside = Outside(plain_http=True, loopback=True, most_bytes=1_000)
    with receiving() as receiver:
        receiver.answer = b"x" * 3_000_000
        answer = outside.request("GET", receiver.url)
        assert (len(answer.body), answer.cut_off) == (1_000, True)
        receiver.answer, receiver.extra = b"\x1f\x8bnot unpacked", {"Content-Encoding": "gzip"}
        assert outside.request("GET", receiver.url).body == receiver.answer


@contextmanager
def dripping(before: bytes, drop: bytes) -> Iterator[str]:
    """A server that says `before` and then `drop` ten times a second, for ever."""
    server = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def talk() -> None:
        connection, _ = server.accept()
        with connection:
            try:
                connection.sendall(before)
                while not done.wait(0.1):
                    connection.sendall(drop)
            except OSError:
                return

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        done.set()
        server.close()
        thread.join()


@pytest.mark.parametrize(("before", "drop"), [(b"", b""), (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), (b"HTTP/1.1 200 OK\r\n\r\n", b"x")])
def test_an_answer_that_never_ends_is_given_up_in_time(before: bytes, drop: bytes) -> None:
    outside = Outside(plain_http=True, loopback=True, timeout_seconds=0.5)
    with dripping(before, drop) as address, pytest.raises(NoAnswer, match="too long"):
        outside.request("GET", address)


def test_no_answer_says_why_without_our_addresses() -> None:
    outside = Outside(plain_http=True, loopback=True)
    with pytest.raises(NoAnswer, match=r"^No answer: the connection failed\.$"):
        outside.request("GET", f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(NoAnswer, match="host name is not known"):
        outside.request("GET", "http://nobody.invalid/")


def test_a_coroutine_may_call_too() -> None:
    with receiving() as receiver:
        assert asyncio.run(Outside(plain_http=True, loopback=True).send("POST", receiver.url, body=b"{}")).status == 200


@contextmanager
def certified(name: str, directory: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """The port of a server with a certificate for `name`, and a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(file)
    with receiving(tls=ours) as receiver:
        yield int(receiver.url.rsplit(":", 1)[1].split("/")[0]), ssl.create_default_context(cadata=file.read_text().split("-----\n", 2)[2])


def test_the_certificate_must_be_the_names_and_trusted_though_the_address_is_pinned(tmp_path: Path) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with certified("hooks.example.org", tmp_path) as (port, trusting):
        outside = Outside(loopback=True, resolve=resolve, tls=trusting)
        assert outside.request("POST", f"https://hooks.example.org:{port}/", body=b"{}").status == 200
        for other in (f"https://other.example.org:{port}/", f"https://127.0.0.1:{port}/"):
            with pytest.raises(NoAnswer, match="certificate"):
                outside.request("POST", other, body=b"{}")
        with pytest.raises(NoAnswer, match="certificate"):
            Outside(loopback=True, resolve=resolve).request("POST", f"https://hooks.example.org:{port}/", body=b"{}")


def test_a_name_that_hangs_is_given_up_in_time() -> None:
    let_go = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        let_go.wait(20)
        return [PUBLIC]

    outside = Outside(resolve=hang, timeout_seconds=0.2)
    try:
        with pytest.raises(AddressRefused, match="not known"):
            outside.check("https://hooks.example.org/")
        with pytest.raises(NoAnswer, match="too long"):
            outside.request("GET", "https://hooks.example.org/")
    finally:
        let_go.set()


def test_the_systems_resolver_is_asked_in_its_own_words() -> None:
    assert set(resolve_name("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert not is_public("not an address")
