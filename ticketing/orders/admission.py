"""Holding at an event with a waiting room: whose turn it is may hold, one hold at a time.

Wraps the writer's handlers of holds. A batch without such an event costs one look at `queue`; otherwise the entries are locked
first and looked at afterwards, so that two processes can't give one shopper two holds.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Conflict
from ticketing.inventory.holds import HoldView
from ticketing.inventory.writer import Handler


class NotYourTurn(Conflict):
    """The event has a waiting room, and the buyer is not let in (any more): enter the queue, or wait."""


class OneHoldAtATime(Conflict):
    """During a turn in the waiting room a buyer has one open hold: release or order it first."""


class HoldRequest(Protocol):
    @property
    def event_id(self) -> UUID: ...
    @property
    def buyer_id(self) -> UUID: ...
    @property
    def key(self) -> str: ...


QUEUED = "select event_id from queue where event_id = any(%s)"

LOCK = """
select e.event_id, e.buyer_id, e.id, e.hold_id
from unnest(%(event)s::uuid[], %(buyer)s::uuid[]) as r(event_id, buyer_id)
join queue_entry e on e.event_id = r.event_id and e.buyer_id = r.buyer_id
where e.state || '' in ('admitted', 'shopping') and e.turn_ends_at > app_now()
order by e.id
for no key update of e
"""

LIVING = "select id from hold where id = any(%s) and state || '' = 'active' and expires_at > app_now()"

KNOWN = """
select r.buyer_id, r.key from unnest(%(buyer)s::uuid[], %(key)s::text[]) as r(buyer_id, key)
join idempotency_key k on k.actor_id = r.buyer_id and k.key = r.key
"""

HELD = """
update queue_entry e
set hold_id = t.hold_id, state = 'shopping',
  turn_ends_at = case when e.state = 'admitted' then app_now() + make_interval(secs => q.shopping_seconds) else e.turn_ends_at end
from unnest(%(entry)s::uuid[], %(hold)s::uuid[]) as t(entry_id, hold_id), queue q
where e.id = t.entry_id and q.event_id = e.event_id
"""


class AdmittedOnly:
    """A handler of holds that lets only those through whose turn it is."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def conflict_keys(self, request: HoldRequest) -> Iterable[Hashable]:
        return self._handler.conflict_keys(request)

    def run(self, connection: Connection, requests: Sequence[HoldRequest], *, alone: bool) -> list[Any]:
        queued = {event for (event,) in connection.execute(QUEUED, [list({r.event_id for r in requests})])}
        if not queued:
            return list(self._handler.run(connection, requests, alone=alone))
        refused, entries = _sort_out(connection, [r for r in requests if r.event_id in queued])
        going = [r for r in requests if (r.event_id, r.buyer_id, r.key) not in refused]
        answers = iter(self._handler.run(connection, going, alone=alone) if going else ())
        outcomes = [refused.get((r.event_id, r.buyer_id, r.key)) or next(answers) for r in requests]
        held = [o for o in outcomes if isinstance(o, HoldView) and not o.replayed and o.event_id in queued]
        if held:
            parameters = {"entry": [entries[h.event_id, h.buyer_id] for h in held], "hold": [h.id for h in held]}
            connection.execute(HELD, parameters)
        return outcomes


def _sort_out(
    connection: Connection, requests: Sequence[HoldRequest]
) -> tuple[dict[tuple[UUID, UUID, str], Conflict], dict[tuple[UUID, UUID], UUID]]:
    """(who may not hold, and why; the entries of those who may). A repeated request passes: its key answers it."""
    buyers = {"event": [r.event_id for r in requests], "buyer": [r.buyer_id for r in requests]}
    locked = {(event, buyer): (entry, hold) for event, buyer, entry, hold in connection.execute(LOCK, buyers)}
    living = {hold for (hold,) in connection.execute(LIVING, [[hold for _, hold in locked.values() if hold is not None]])}
    known = set(connection.execute(KNOWN, {"buyer": buyers["buyer"], "key": [r.key for r in requests]}))
    refused: dict[tuple[UUID, UUID, str], Conflict] = {}
    for request in requests:
        if (request.buyer_id, request.key) in known:
            continue
        entry = locked.get((request.event_id, request.buyer_id))
        if entry is None:
            refused[request.event_id, request.buyer_id, request.key] = NotYourTurn(
                "This event has a waiting room: enter it, and hold when it is your turn.",
                event_id=request.event_id,
                queue=f"/api/events/{request.event_id}/queue",
            )
        elif entry[1] in living:
            refused[request.event_id, request.buyer_id, request.key] = OneHoldAtATime(
                "During your turn you have one open hold: release it, or order it first.", hold_id=entry[1]
            )
    return refused, {buyer: entry for buyer, (entry, _) in locked.items()}
