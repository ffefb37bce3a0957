"""Where buyers stand by the rows that decide: read for many at once by the writer, who asks at the opening is a crowd."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ticketing.foundation.db import Connection
from ticketing.waitingroom.rules import EntryState

READ = "select id, state, position, turn_ends_at from queue_entry where id = any(%s)"


@dataclass(frozen=True, slots=True)
class Turn:
    """An entry as it is in the database."""

    state: EntryState
    position: int | None
    turn_ends_at: datetime | None


class TurnHandler:
    """The writer's handler: ids of entries in, `Turn` (or None) out."""

    def conflict_keys(self, request: UUID) -> Iterable[Hashable]:
        return ()

    def run(self, connection: Connection, requests: Sequence[UUID], *, alone: bool) -> list[Any]:
        rows = connection.execute(READ, [list(requests)])
        turns = {entry: Turn(EntryState(state), position, ends) for entry, state, position, ends in rows}
        return [turns.get(entry) for entry in requests]
