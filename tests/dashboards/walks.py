"""Walking through a page without a browser."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from ticketing.foundation.db import Database, Role

SECONDS = 30


def open_page(page: Callable[..., None], database: Database, *, token: str, vendor: object, **query: object) -> AppTest:
    """A page of a vendor for whoever holds `token`, by the address with `query`. The page is a function that imports what it needs."""
    urls = {name: database.url(role) for name, role in (("core", Role.CORE), ("owner", Role.OWNER), ("reader", Role.READER))}
    app = AppTest.from_function(page, kwargs={**urls, "token": token, "vendor": str(vendor)}, default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = str(value)
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return run(app)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def said(app: AppTest) -> str:
    """Everything in sentences."""
    return " ".join(element.value for element in [*app.success, *app.error, *app.warning, *app.markdown, *app.caption, *app.info])
