"""Best available: the writer chooses the seats, and claims them like named ones.

A batch reads what is free once per event and selection, chooses for its requests one after another, and claims all of it with
the statement for named seats. One process at a time does so for an event: two that read the same would choose the same. A request
that finds nothing where others of its batch have chosen, or loses its seats to somebody who names them, is run alone: it chooses
anew, and waits for whoever has locked what it chose.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.foundation.errors import Expired, Invalid, TicketingError
from ticketing.inventory.adjacent import FreeRun, best_adjacent, without
from ticketing.inventory.claim import (
    MOST_PLACES_PER_HOLD,
    ClaimHandler,
    ClaimRequest,
    EventNotFound,
    NotOnSale,
    SeatsTaken,
    why_closed,
)
from ticketing.inventory.writer import RunAlone

MOST_CHOICES = 8
"""How often a request that is run alone chooses anew before it is told that nothing was left."""


class NoAdjacentSeats(Expired):
    """Nowhere are so many seats free side by side; fewer may be. Nothing was held."""


@dataclass(frozen=True, slots=True)
class BestRequest:
    """So many neighbouring seats of an event, in a section or of a ticket type if one is named."""

    hold_id: UUID
    event_id: UUID
    buyer_id: UUID
    key: str
    digest: bytes
    quantity: int
    section_id: UUID | None = None
    ticket_type_id: UUID | None = None
    accessible: bool = False
    code: str | None = None
    opened: tuple[UUID, ...] = ()
    """Ticket types that the code opens."""

    def check(self) -> None:
        """Raises `Invalid` for what no state of the event could make right."""
        if not 0 < self.quantity <= MOST_PLACES_PER_HOLD:
            raise Invalid(f"A hold takes 1 to {MOST_PLACES_PER_HOLD} places.", fields={"quantity": self.quantity})

    @property
    def selection(self) -> tuple[UUID, UUID | None, UUID | None, tuple[UUID, ...]]:
        """What the request chooses from."""
        return self.event_id, self.section_id, self.ticket_type_id, self.opened

    def choose(self, runs: Iterable[FreeRun]) -> tuple[int, ...] | None:
        """The best of these seats, None when the party fits nowhere."""
        return best_adjacent(runs, self.quantity, accessible=self.accessible)

    def claim(self, seats: tuple[int, ...]) -> ClaimRequest:
        """The same request, for seats by number."""
        return ClaimRequest(
            self.hold_id, self.event_id, self.buyer_id, self.key, self.digest, tuple(sorted(seats)), (), self.code, self.opened
        )


FREE_RUNS = """
with seat as (
  select ls.seat_no, s.position as section_position, ls.row_position, ls.seat_position, ls.accessible,
    ls.accessible or ls.companion_of is not null as reserved,
    (min(ls.seat_position) over row + max(ls.seat_position) over row) / 2.0 as row_middle,
    es.state = 'free' or (es.state = 'held' and es.held_until <= app_now()) as free
  from event e
  join event_seat es on es.event_id = e.id
  join layout_seat ls on ls.layout_id = e.layout_id and ls.seat_no = es.seat_no
  join section s on s.id = ls.section_id
  where e.id = %(event)s
    and (%(section)s::uuid is null or ls.section_id = %(section)s)
    and (%(ticket_type)s::uuid is null or es.ticket_type_id = %(ticket_type)s)
    and (es.ticket_type_id <> all(e.access_types) or es.ticket_type_id = any(%(opened)s::uuid[]))
    and (es.ticket_type_id <> all(e.windowed_types) or es.ticket_type_id not in (
      select t.id from ticket_type t
      where t.id = any(e.windowed_types) and (t.sales_open_at > app_now() or t.sales_close_at <= app_now())))
  window row as (partition by ls.section_id, ls.row_position)
),
run as (
  select *, seat_position - row_number() over (partition by section_position, row_position order by seat_position) as run_no
  from seat where free
)
select section_position, row_position, array_agg(seat_no order by seat_position), array_agg(accessible order by seat_position),
  array_agg(reserved order by seat_position),
  min(seat_position), min(row_middle)::float8
from run
group by section_position, row_position, run_no
order by section_position, row_position, run_no
"""

TAKE_TURNS = """
select pg_advisory_xact_lock(hashtextextended('ticketing.best ' || id, 0)) from unnest(%s::text[]) with ordinality as e(id, n) order by n
"""

ON_SALE = """
select status = 'published' and sales_open_at <= app_now() and sales_close_at > app_now() and sales_paused_at is null, access_types,
  array(select t.id from ticket_type t
    where t.id = any(event.windowed_types) and (t.sales_open_at > app_now() or t.sales_close_at <= app_now()))
from event where id = %s and status not in ('draft', 'withdrawn')
"""

KNOWN = """
select r.ord from unnest(%(ord)s::int[], %(buyer)s::uuid[], %(key)s::text[]) as r(ord, buyer_id, key)
join idempotency_key k on k.actor_id = r.buyer_id and k.key = r.key
"""


class BestHandler:
    """The writer's handler for `BestRequest`; outcomes are `HoldView` or an error."""

    def __init__(self) -> None:
        self._claims = ClaimHandler()

    def conflict_keys(self, request: BestRequest) -> Iterable[Hashable]:
        yield (request.event_id, request.buyer_id)
        yield (request.buyer_id, request.key)

    def run(self, connection: Connection, requests: Sequence[BestRequest], *, alone: bool) -> list[Any]:
        known = _known(connection, requests)
        choosing = sorted({str(request.event_id) for number, request in enumerate(requests) if number not in known})
        connection.execute(TAKE_TURNS, [choosing])
        free: dict[Hashable, list[FreeRun]] = {}
        taken: dict[UUID, set[int]] = {}
        outcomes: list[Any] = [RunAlone()] * len(requests)
        claims: dict[int, ClaimRequest] = {}
        for number, request in enumerate(requests):
            if number in known:
                claims[number] = request.claim(())  # a repeat: answered from its key, whatever is free now
            elif alone:
                outcomes[number] = self._alone(connection, request)
            else:
                if request.selection not in free:
                    free[request.selection] = _free_runs(connection, request)
                gone = taken.setdefault(request.event_id, set())
                if seats := request.choose(without(free[request.selection], gone)):
                    gone.update(seats)
                    claims[number] = request.claim(seats)
                elif not gone:
                    outcomes[number] = _why_none(connection, request)
        answers = self._claims.run(connection, list(claims.values()), alone=alone) if claims else []
        for number, answer in zip(claims, answers, strict=True):
            outcomes[number] = RunAlone() if isinstance(answer, SeatsTaken) else answer
        return outcomes

    def _alone(self, connection: Connection, request: BestRequest) -> Any:
        """Choose until the seats are ours; each claim waits for whoever has locked one of them."""
        lost: set[int] = set()
        for _ in range(MOST_CHOICES):
            seats = request.choose(without(_free_runs(connection, request), lost))
            if seats is None:
                break
            (answer,) = self._claims.run(connection, [request.claim(seats)], alone=True)
            if not isinstance(answer, SeatsTaken):
                return answer
            lost.update(seats)
        return _why_none(connection, request)


def find_seats(connection: Connection, request: BestRequest) -> tuple[int, ...] | None:
    """What the request would choose now; nothing is held. None: nowhere are so many free side by side."""
    return request.choose(_free_runs(connection, request))


def _known(connection: Connection, requests: Sequence[BestRequest]) -> set[int]:
    """The numbers of requests whose key was used before."""
    parameters = {"ord": list(range(len(requests))), "buyer": [r.buyer_id for r in requests], "key": [r.key for r in requests]}
    return {ord_ for (ord_,) in connection.execute(KNOWN, parameters)}


def _free_runs(connection: Connection, request: BestRequest) -> list[FreeRun]:
    event, section, ticket_type, opened = request.selection
    rows = connection.execute(FREE_RUNS, {"event": event, "section": section, "ticket_type": ticket_type, "opened": list(opened)})
    return [FreeRun(s, r, tuple(seats), tuple(can), tuple(kept), first, middle) for s, r, seats, can, kept, first, middle in rows]


def _why_none(connection: Connection, request: BestRequest) -> TicketingError:
    found = connection.execute(ON_SALE, [request.event_id]).fetchone()
    if found is None:
        return EventNotFound("There is no such event.", event_id=request.event_id)
    if not found[0]:
        return NotOnSale("This event is not on sale now.", event_id=request.event_id)
    closed = [type_id for type_id in (*found[1], *found[2]) if type_id not in request.opened]
    if request.ticket_type_id is not None and request.ticket_type_id in closed:
        return why_closed(connection, request.event_id, [request.ticket_type_id])
    return NoAdjacentSeats(
        f"Nowhere are {request.quantity} seats free side by side: ask for fewer, or elsewhere.",
        event_id=request.event_id,
        quantity=request.quantity,
    )
