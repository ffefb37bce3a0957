"""Everything that is kept on a person, as one JSON document, written piece by piece: memory does not grow with what they bought."""

from __future__ import annotations

from typing import IO

import orjson
from sqlalchemy.orm import Session

from ticketing.audit.service import record
from ticketing.foundation.person import Person, Rows
from ticketing.privacy.parts import PARTS


def write_export(session: Session, *, person: Person, file: IO[bytes]) -> None:
    """Write the document of `PersonalData` to `file`. Recorded in the audit. Use a transaction that sees one state throughout."""
    head = {"made_at": person.now, "user_id": person.user_id, "accounts": person.ids}
    file.write(orjson.dumps(head, option=orjson.OPT_UTC_Z)[:-1] + b',"data":{')
    record(session, actor_id=person.user_id, action="user.data_exported", subject_id=person.user_id)
    for number, part in enumerate(PARTS):
        file.write((b"," if number else b"") + orjson.dumps(part.name) + b":{")
        for at, (table, rows) in enumerate(part.export(session, person)):
            file.write(b"," if at else b"")
            file.write(orjson.dumps(table) + b':{"when_erased":' + orjson.dumps(part.fates[table]) + b',"rows":[')
            _write_rows(file, rows)
            file.write(b"]}")
        file.write(b"}")
    file.write(b"}}")


def _write_rows(file: IO[bytes], rows: Rows) -> None:
    for number, row in enumerate(rows):
        file.write((b"," if number else b"") + orjson.dumps(row, option=orjson.OPT_UTC_Z))
