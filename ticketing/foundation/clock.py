"""Time. Services take `now`; only the edges read a clock.

The database's clock, `app_now()`, is the one that claims, expiry and payment use. It can be set for a connection
(`set ticketing.now = '…'`), which is how tests and the simulation move time; serving processes refuse a set clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ticketing.foundation.errors import Invalid


class UnknownZone(Invalid):
    """The zone is not an IANA zone name."""


def utc_now() -> datetime:
    """The machine's clock, for edges that don't speak to the database."""
    return datetime.now(UTC)


def zone(name: str) -> ZoneInfo:
    """The IANA zone `name`; raises `UnknownZone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"{name!r} is not an IANA time zone.", zone=name) from error


def to_utc(wall: datetime, zone_name: str) -> datetime:
    """The instant of an event's wall time.

    A wall time inside a gap (spring) shifts forward by the gap; an ambiguous one (autumn) takes the first.
    """
    if wall.tzinfo is not None:
        raise Invalid("A wall time carries no offset.", wall=wall.isoformat())
    local = wall.replace(tzinfo=zone(zone_name), fold=0)
    return local.astimezone(UTC)


def is_in_gap(wall: datetime, zone_name: str) -> bool:
    """Whether no clock in that zone ever shows this wall time."""
    local = wall.replace(tzinfo=zone(zone_name), fold=0)
    return local.astimezone(UTC).astimezone(zone(zone_name)).replace(tzinfo=None) != wall


def whole_weeks_between(earlier: datetime, later: datetime) -> int:
    """The least number of whole weeks that moves `earlier` to `later` or past it."""
    return max(0, -((earlier - later) // timedelta(weeks=1)))
