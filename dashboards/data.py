"""What the pages read: who is signed in (the core), and published figures (a snapshot, scoped to one vendor)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from sql.scope import Scope, run_query
from sql.snapshot import Snapshot, open_snapshot
from ticketing.accounts.http import COOKIES
from ticketing.accounts.rules import Audience
from ticketing.accounts.service import SignedIn, find_session
from ticketing.foundation.clock import utc_now
from ticketing.foundation.db import Database, database_now
from ticketing.foundation.money import Money
from ticketing.foundation.settings import Settings, load_settings

STALE_MINUTES = 15


@dataclass(frozen=True)
class Desk:
    """One installation, opened once per process."""

    settings: Settings
    database: Database


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    settings = load_settings()
    return Desk(settings, Database.from_settings(settings))


def signed_in() -> SignedIn | None:
    """Who the dashboards' cookie belongs to; looked up on every rerun, so that signing out reaches open tabs."""
    token = st.context.cookies.get(COOKIES[Audience.DESK])
    if not token:
        return None
    with desk().database.transaction() as session:
        return find_session(session, token=token, audience=Audience.DESK, now=database_now(session))


def snapshot() -> Snapshot:
    """The newest published snapshot; raises `sql.snapshot.NoSnapshot`."""
    return open_snapshot(desk().settings.warehouse_path)


def rows(scope: Scope, query: str, **parameters: Any) -> pd.DataFrame:
    """A stored query for one vendor. The snapshot's name and the vendor are part of the cache's key."""
    return _rows(str(snapshot().path), str(scope.vendor_id), query, tuple(sorted(parameters.items())), _scope=scope)


@st.cache_data(show_spinner=False, max_entries=500)
def _rows(path: str, vendor: str, query: str, parameters: tuple[tuple[str, Any], ...], *, _scope: Scope) -> pd.DataFrame:  # noqa: ARG001 - key
    frame: pd.DataFrame = run_query(snapshot(), _scope, query, **dict(parameters)).to_pandas()
    return frame


def money(amount_minor: int | float, currency: str) -> str:
    return Money(int(amount_minor), currency).format()


def age_minutes(captured_at: datetime) -> float:
    """How old the snapshot is."""
    return (utc_now() - captured_at).total_seconds() / 60
