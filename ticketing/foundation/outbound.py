"""Calls to addresses that other people chose: guarded against reaching our own machines (SSRF).

    outside = Outside.from_settings(settings)
    outside.check("https://hooks.example.org/tickets")                  # raises AddressRefused; call it when an address is saved
    answer = outside.request("POST", url, headers={"Content-Type": "application/json"}, body=b"{}")   # from a thread
    answer = await outside.send("GET", url)                             # from a coroutine

Only https (http in demo and tests), only addresses of the public internet (loopback in tests), no user names, no odd ports. A name is
resolved once, each of its addresses is checked, and the connection goes to those very addresses, whatever the name says a moment
later. Redirects are answers, not followed. Time and size of an answer are bounded. Never inside a transaction.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ticketing.foundation.errors import Invalid, Unavailable
from ticketing.foundation.loop import background_loop
from ticketing.foundation.settings import Settings

LONGEST_ADDRESS = 2000
TIMEOUT_SECONDS = 10.0
"""For one call as a whole: name, connection, TLS, answer."""
MOST_BYTES = 64 * 1024
"""Of an answer's body; what is longer is cut off."""
LOWEST_FREE_PORT = 1024
"""Below it only 80 and 443: mail servers, shells and the like are not spoken to."""
DISGUISED = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""IPv6 that a gateway turns into IPv4, besides the forms that `ipaddress` names."""

_resolvers = ThreadPoolExecutor(32, thread_name_prefix="resolve")
"""The system's resolver can't be interrupted: names that hang keep threads of their own waiting, not those of anybody else."""

Resolve = Callable[[str, int], Sequence[str]]
"""Name and port → addresses; blocks; raises `OSError` for a name that is not known."""


class AddressRefused(Invalid):
    """We don't call this address: its form, its scheme, or where it leads."""


class NoAnswer(Unavailable):
    """The other side could not be reached, or did not answer in time. Whether it did the work is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    cut_off: bool
    """There was more than `most_bytes`."""
    seconds: float


def resolve_name(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str, *, loopback: bool = False) -> bool:
    """Whether an IP address belongs to the public internet; with `loopback` also our own machine."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.is_loopback:
        return loopback
    if isinstance(ip, IPv6Address) and (ip.scope_id or ip.ipv4_mapped or ip.sixtofour or ip.teredo or any(ip in net for net in DISGUISED)):
        return False
    if isinstance(ip, IPv4Address) and ip.is_loopback:
        return loopback
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_link_local or ip.is_unspecified)


class Outside:
    """Calls to the outside under the rules of one installation. Safe to share between threads."""

    def __init__(
        self,
        *,
        plain_http: bool = False,
        loopback: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        most_bytes: int = MOST_BYTES,
        resolve: Resolve = resolve_name,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._schemes = ("https", "http") if plain_http else ("https",)
        self._loopback = loopback
        self._timeout = timeout_seconds
        self._most_bytes = most_bytes
        self._resolve = resolve
        self._tls = tls

    @classmethod
    def from_settings(cls, settings: Settings, *, timeout_seconds: float = TIMEOUT_SECONDS, most_bytes: int = MOST_BYTES) -> Outside:
        return cls(
            plain_http=settings.environment != "production",
            loopback=settings.environment == "test",
            timeout_seconds=timeout_seconds,
            most_bytes=most_bytes,
        )

    def check(self, address: str) -> None:
        """Raises `AddressRefused` for what `request` would refuse today, and for a name that nobody knows. Asks the resolver."""
        try:
            _resolvers.submit(self._places, self._parse(address)).result(self._timeout)
        except (OSError, UnicodeError, FuturesTimeout) as error:
            raise AddressRefused("This address's host name is not known.") from error

    def request(self, method: str, address: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One call, from a thread without an event loop; raises `AddressRefused` or `NoAnswer`."""
        call = self.send(method, address, headers=headers, body=body)
        return asyncio.run_coroutine_threadsafe(call, background_loop()).result()

    async def send(self, method: str, address: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One call, from a coroutine; raises `AddressRefused` or `NoAnswer`."""
        url = self._parse(address)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                places = await asyncio.get_running_loop().run_in_executor(_resolvers, self._places, url)
                return await self._send(method, url, places, headers=headers or {}, body=body, began=began)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NoAnswer(f"No answer: {_reason(error)}.") from error

    async def _send(
        self, method: str, url: URL, places: Sequence[str], *, headers: Mapping[str, str], body: bytes | None, began: float
    ) -> Answer:
        connector = aiohttp.TCPConnector(resolver=_Pinned(places), use_dns_cache=False, force_close=True, ssl=self._tls or True)
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
            ) as client,
            client.request(method, url, headers=headers, data=body, allow_redirects=False) as answer,
        ):
            content = bytearray()
            async for piece in answer.content.iter_any():
                content += piece
                if len(content) > self._most_bytes:
                    break
            return Answer(
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(content[: self._most_bytes]),
                cut_off=len(content) > self._most_bytes,
                seconds=time.monotonic() - began,
            )

    def _parse(self, address: str) -> URL:
        """The address as it will be called: what is checked and what is called is one and the same object."""
        if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
            raise AddressRefused("An address must be plain text without blanks, at most 2000 characters.")
        try:
            url = URL(address)
            host, port = url.raw_host, url.port
        except ValueError as error:
            raise AddressRefused("This address can't be read.") from error
        if url.scheme not in self._schemes:
            raise AddressRefused(f"An address must begin with {' or '.join(f'{scheme}://' for scheme in self._schemes)}.")
        if url.raw_user is not None or url.raw_password is not None or "@" in url.raw_authority:
            raise AddressRefused("An address must not carry a user name.")
        if not host or port is None or "%" in host or url.raw_fragment:
            raise AddressRefused("This address can't be read.")
        if port < LOWEST_FREE_PORT and port not in (80, 443):
            raise AddressRefused("An address must use port 80, 443 or one from 1024 on.")
        if not _is_literal(host) and _ends_in_number(host):
            raise AddressRefused("This address can't be read.")
        return url

    def _places(self, url: URL) -> Sequence[str]:
        """The checked addresses behind a host; blocks. A name with one address inside and one outside is refused, too."""
        host, port = url.raw_host or "", url.port or 0
        places = [host] if _is_literal(host) else self._resolve(host, port)
        if not places or not all(is_public(place, loopback=self._loopback) for place in places):
            raise AddressRefused("This address does not lead to the public internet.")
        return places


class _Pinned(AbstractResolver):
    """Answers with the addresses that were checked."""

    def __init__(self, places: Sequence[str]) -> None:
        self._places = places

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=place,
                port=port,
                family=socket.AF_INET6 if ":" in place else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for place in self._places
        ]

    async def close(self) -> None:
        """Nothing is kept."""


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ends_in_number(host: str) -> bool:
    """Hosts like 2130706433, 0x7f.1 or 017700000001, which some resolvers take for IPv4."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdigit() or last.startswith("0x")


def _reason(error: BaseException) -> str:
    """In few words, without addresses of ours."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
        return "its certificate or TLS is not acceptable"
    if isinstance(error, (aiohttp.ClientConnectorError, ConnectionRefusedError)):
        return "the connection failed"
    return "the connection broke off"
