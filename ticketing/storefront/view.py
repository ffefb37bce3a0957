"""How values are shown: templates, money, event-local time."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ticketing.accounts.sessions import SignedIn
from ticketing.foundation.clock import zone
from ticketing.foundation.money import Money
from ticketing.storefront.art import art

STATIC_DIRECTORY = Path(__file__).parent / "static"
LOCALE = "en_GB"

environment = Environment(
    loader=PackageLoader("ticketing.storefront"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def money(amount_minor: int, currency: str) -> str:
    """`€48.00`."""
    return Money(amount_minor, currency).format(LOCALE)


def wall_time(local: datetime) -> str:
    """A wall time of an event: `Thu 24 Apr 2027, 19:30`."""
    return str(format_datetime(local, "EEE d MMM yyyy, HH:mm", locale=LOCALE))


def local_time(value: datetime, zone_name: str) -> str:
    """An instant on the clocks of a zone, which is named: `Thu 24 Apr 2027, 19:30 (Berlin time)`."""
    return f"{wall_time(value.astimezone(zone(zone_name)))} ({city_of(zone_name)})"


def city_of(zone_name: str) -> str:
    """`Europe/Berlin` → `Berlin time`."""
    return zone_name.rpartition("/")[2].replace("_", " ") + " time"


def capitalised(word: str) -> str:
    """`chamber music` → `Chamber music`; the rest stays as the vendor wrote it."""
    return word[:1].upper() + word[1:]


PROGRAMS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux"))
"""Each before those whose name it carries as well."""


def program_name(user_agent: str | None) -> str:
    """`Firefox on Linux`; of programs that are no browsers what they call themselves, without version."""
    if not user_agent:
        return "Unknown program"
    program = next((name for mark, name in PROGRAMS if mark in user_agent), None)
    system = next((name for mark, name in SYSTEMS if mark in user_agent), None)
    if program is None:
        return user_agent.partition("/")[0]
    return f"{program} on {system}" if system else program


@cache
def static_url(name: str) -> str:
    """Address of a static file, with its content's hash: it may be cached for ever."""
    digest = hashlib.sha256((STATIC_DIRECTORY / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


environment.filters.update(wall_time=wall_time, local_time=local_time, city_of=city_of, capitalised=capitalised, program_name=program_name)
environment.globals.update(money=money, art=art, static_url=static_url)


def page(request: Request, template: str, *, user: SignedIn | None, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; every page knows who is signed in."""
    settings = request.app.state.settings
    html = environment.get_template(template).render(user=user, public_url=settings.public_url, path=request.url.path, **values)
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def crash_page(
    sentence: str,
    *,
    title: str = "Something went wrong",
    advice: str = "Try again; if it stays, tell us the reference.",
    status: int = 500,
) -> HTMLResponse:
    """When nothing else can be relied on: neither the database nor who is signed in is asked."""
    html = environment.get_template("crash.html").render(title=title, sentence=sentence, advice=advice)
    return HTMLResponse(html, status_code=status)
