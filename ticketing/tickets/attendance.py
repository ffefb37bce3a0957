"""Who has been where: tickets of events that have begun."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.claims import PERSONS

ATTENDED = f"""
select distinct e.id, e.vendor_id from ticket t join event e on e.id = t.event_id
where t.holder_id in {PERSONS} and t.event_id = any(:events) and t.state in ('valid', 'used')
  and e.status in ('published', 'completed') and e.starts_at <= :now
"""


def find_attended(session: Session, *, user_id: UUID, event_ids: Collection[UUID], now: datetime) -> dict[UUID, UUID]:
    """Those of the events that took place or have begun, and to which the person, or a guest they have claimed, holds a ticket that
    is valid or was used: event → vendor."""
    rows = session.execute(text(ATTENDED), {"person": user_id, "events": list(event_ids), "now": now})
    return {row.id: row.vendor_id for row in rows}
