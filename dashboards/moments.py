"""Times as vendors enter and read them: wall time in a named zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ticketing.foundation.clock import is_in_gap, to_utc
from ticketing.foundation.errors import Invalid


def written(at: datetime, zone: str) -> str:
    """An instant as clocks in `zone` show it."""
    return wall(at, zone).strftime("%a %d %b %Y, %H:%M")


def wall(at: datetime, zone: str) -> datetime:
    """An instant as wall time, without offset."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def instant(local: datetime, zone: str, *, name: str) -> datetime:
    """The instant of a wall time that somebody entered for `name`; raises `Invalid` for one that the clock change skips."""
    if is_in_gap(local, zone):
        raise Invalid(f"No clock in {zone} shows {local:%d %b %Y, %H:%M}: the clock change skips it.", fields={name: "is skipped"})
    return to_utc(local, zone)
