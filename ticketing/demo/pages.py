"""Asking every page once: what a person would open first must answer before the demo says that it is ready."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ticketing.foundation.errors import Unavailable
from ticketing.foundation.settings import Settings


class PageFailed(Unavailable):
    """A page does not answer as it must."""


def ask(url: str) -> bytes:
    """The page's content; raises `PageFailed` for anything but 200."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own pages, on loopback
            content: bytes = answer.read()
            if answer.status == 200:
                return content
            raise PageFailed(f"{url} answered {answer.status}.", url=url)
    except (urllib.error.URLError, OSError) as error:
        raise PageFailed(f"{url} does not answer: {error}.", url=url) from error


def ask_all(settings: Settings) -> list[str]:
    """Open the storefront, an event of its list, the API's pages, the dashboards and Prefect's page; the addresses asked."""
    shop = f"http://127.0.0.1:{settings.port}"
    desk = f"http://127.0.0.1:{urlsplit(settings.desk_url).port}"
    prefect = f"http://127.0.0.1:{urlsplit(settings.prefect_url).port}"
    events = json.loads(ask(f"{shop}/api/events"))["events"]
    if not events:
        raise PageFailed("The storefront lists no event.", url=f"{shop}/api/events")
    pages = [f"{shop}{path}" for path in ("/", f"/events/{events[0]['id']}", "/sign-in", "/api/docs", "/api/openapi.json", "/health/ready")]
    pages += [f"{desk}/", f"{desk}/_stcore/health", f"{prefect}/api/health", f"{prefect}/"]
    for page in pages:
        ask(page)
    return pages
