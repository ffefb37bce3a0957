"""How values are shown: templates, money, event-local time, generated art."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ticketing.accounts.service import SignedIn
from ticketing.foundation.money import Money

STATIC_DIRECTORY = Path(__file__).parent / "static"
LOCALE = "en_GB"
HUES = {"concert": 262, "theatre": 350, "club": 200, "comedy": 32, "festival": 140, "dance": 312, "classical": 225, "opera": 8}

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


def instant(value: datetime) -> str:
    """An instant, in UTC and saying so."""
    return str(format_datetime(value.astimezone(UTC), "d MMM yyyy, HH:mm 'UTC'", locale=LOCALE))


def city_of(zone: str) -> str:
    """`Europe/Berlin` → `Berlin time`."""
    return zone.rpartition("/")[2].replace("_", " ") + " time"


def art(title: str, category: str) -> Markup:
    """A small picture of its own for every show, drawn from its title: nothing is fetched, nothing is stored."""
    digest = hashlib.sha256(title.encode()).digest()
    hue = (HUES.get(category.lower(), digest[0] * 360 // 256) + digest[1] % 40 - 20) % 360
    shapes = "".join(
        f'<circle cx="{digest[i] * 400 // 255}" cy="{digest[i + 1] * 200 // 255}" r="{20 + digest[i + 2] % 90}"'
        f' fill="hsl({(hue + digest[i + 2] % 70) % 360} 70% {45 + digest[i] % 30}%)" opacity="0.{25 + digest[i + 1] % 45}"/>'
        for i in range(2, 26, 3)
    )
    return Markup(  # noqa: S704 - numbers only
        f'<svg class="art" viewBox="0 0 400 200" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f'<rect width="400" height="200" fill="hsl({hue} 55% 28%)"/>{shapes}</svg>'
    )


@cache
def static_url(name: str) -> str:
    """Address of a static file, with its content's hash: it may be cached for ever."""
    digest = hashlib.sha256((STATIC_DIRECTORY / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


environment.filters.update(wall_time=wall_time, instant=instant, city_of=city_of)
environment.globals.update(money=money, art=art, static_url=static_url)


def page(request: Request, template: str, *, user: SignedIn | None, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; every page knows who is signed in."""
    settings = request.app.state.settings
    html = environment.get_template(template).render(user=user, public_url=settings.public_url, path=request.url.path, **values)
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})
