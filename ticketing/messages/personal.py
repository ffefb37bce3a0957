"""What messages keep on people: which were sent, what they want to be told, and where their browsers take pushes.

A mail's words are kept nowhere: it is composed when it is sent. What a mail server answered may repeat the address, and is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.foundation.person import Part, Person, Rows, rows_of

EXPORTS = {
    "message": """
select id, kind, recipient_id, subject_id, channel, due_at, state, attempts, created_at, accepted_at from message
where recipient_id = any(:ids) order by created_at, id""",
    "message_attempt": """
select a.message_id, a.attempt, a.started_at, a.finished_at, a.outcome, a.detail from message_attempt a
join message m on m.id = a.message_id where m.recipient_id = any(:ids) order by a.started_at, a.message_id, a.attempt""",
    "message_preference": """
select user_id, email, push, quiet_start, quiet_end, quiet_zone, muted, changed_at from message_preference where user_id = any(:ids)""",
    "push_subscription": """
select id, host, value_encrypted, key_id, created_at from push_subscription where user_id = any(:ids) order by created_at, id""",
    "outbox": """
select topic, subject_id, payload, created_at, consumed_at from outbox where payload ->> 'user_id' = any(cast(:ids as text[]))
order by id""",
}

ERASE = (
    """
update outbox set consumed_at = :now
where consumed_at is null and topic like 'account.%' and payload ->> 'user_id' = any(cast(:ids as text[]))""",
    """
update message set state = 'suppressed', lease_until = null, lease_token = null
where recipient_id = any(:ids) and state in ('pending', 'sending', 'failed', 'unknown')""",
    """
update message_attempt a set detail = null from message m
where m.id = a.message_id and m.recipient_id = any(:ids) and a.detail is not null""",
    "delete from message_preference where user_id = any(:ids)",
    "delete from push_subscription where user_id = any(:ids)",
)

FATES = {
    "message": "Kept without words or address, which it never had: that a receipt was sent is part of the books. What waits is not sent.",
    "message_attempt": "Kept without the mail server's answer.",
    "message_preference": "Deleted.",
    "push_subscription": "Deleted.",
    "outbox": "Kept: ids and amounts; what waits for the person's mail is struck off.",
}


def export_person(session: Session, person: Person) -> Iterator[tuple[str, Rows]]:
    """Push addresses are readable, their keys are not given out: who has them can push."""
    for table, select in EXPORTS.items():
        rows = rows_of(session, select, ids=[str(id) for id in person.ids] if table == "outbox" else list(person.ids))
        yield table, (_readable(row, person) for row in rows) if table == "push_subscription" else rows


def _readable(row: Mapping[str, Any], person: Person) -> dict[str, Any]:
    endpoint = orjson.loads(person.decrypt(row["value_encrypted"], row["key_id"]))["endpoint"]
    return {"id": row["id"], "host": row["host"], "endpoint": endpoint, "created_at": row["created_at"]}


def erase_person(session: Session, person: Person) -> None:
    """Nobody is told anything more."""
    for statement in ERASE:
        session.execute(
            text(statement),
            {"ids": [str(id) for id in person.ids], "now": person.now} if ":now" in statement else {"ids": list(person.ids)},
        )


PART = Part("messages", FATES, export_person, erase_person)
