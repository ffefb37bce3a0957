"""What the pages read: who is signed in (the core), and published figures (a snapshot, scoped to one vendor)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from sql.scope import Scope, run_query
from sql.snapshot import Snapshot, open_snapshot
from ticketing.accounts.http import COOKIES
from ticketing.accounts.rules import Audience
from ticketing.accounts.sessions import SignedIn, find_session
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.money import Money
from ticketing.foundation.settings import Settings, load_settings

STALE_AFTER = timedelta(minutes=15)

Row = dict[str, Any]
"""One row of an answer, by column: a few dozen of them need no data frame."""


@dataclass(frozen=True)
class Desk:
    """One installation, opened once per process."""

    settings: Settings
    database: Database


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    settings = load_settings()
    return Desk(settings, Database.from_settings(settings))


def session_token() -> str | None:
    """What the browser shows to be let in."""
    return st.context.cookies.get(COOKIES[Audience.DESK])


def signed_in() -> SignedIn | None:
    """Who the dashboards' cookie belongs to; looked up on every rerun, so that signing out reaches open tabs."""
    token = session_token()
    if not token:
        return None
    with desk().database.transaction() as session:
        return find_session(session, token=token, audience=Audience.DESK, now=database_now(session))


@dataclass(frozen=True)
class Published:
    """One vendor's figures in one snapshot: all that a page shows is of the same instant, and of that vendor."""

    scope: Scope
    _snapshot: Snapshot = field(repr=False)

    @property
    def captured_at(self) -> datetime:
        """The instant of the core that the figures show, UTC."""
        return self._snapshot.captured_at

    @property
    def is_stale(self) -> bool:
        return utc_now() - self.captured_at > STALE_AFTER

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """A stored query (`sql/queries`), answered for the vendor."""
        name, vendor = str(self._snapshot.path), str(self.scope.vendor_id)
        return _rows(name, vendor, query, tuple(sorted(parameters.items())), _snapshot=self._snapshot, _scope=self.scope)


def newest(scope: Scope) -> Published:
    """The newest published figures of a vendor; raises `sql.snapshot.NoSnapshot`."""
    return Published(scope, open_snapshot(desk().settings.warehouse_path))


@st.cache_data(show_spinner=False, max_entries=500)
def _rows(
    name: str,  # noqa: ARG001 - name and vendor are there to be part of the key: the cache is shared by all who are signed in
    vendor: str,  # noqa: ARG001
    query: str,
    parameters: tuple[tuple[str, Any], ...],
    *,
    _snapshot: Snapshot,
    _scope: Scope,
) -> list[Row]:
    found: list[Row] = run_query(_snapshot, _scope, query, **dict(parameters)).to_pylist()
    return found


def money(amount_minor: float, currency: str) -> str:
    """An amount for people, in its currency's own decimals."""
    return Money(int(amount_minor), currency).format()
