"""Two vendors with the same things, and what the database knows to be whose: read from its catalogue, so that new tables count too."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketing.accounts.access import Endpoint

PARAMETER = re.compile(r"\{(\w+)\}")
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHORTEST = 6
SAYS_NOTHING = re.compile(r"[a-z_. -]+|[A-Z]?[a-z ]+")
"""Shorter texts, states and plain words say nothing of whose they are: names and codes in these tests have digits or capitals."""

TABLES = {
    "event_id": "event",
    "webhook_id": "webhook_endpoint",
    "delivery_id": "webhook_delivery",
    "vendor_id": "vendor",
    "client_id": "api_client",
    "user_id": "user_id",
    "entry_id": "waiting_list_entry",
    "method_id": "payment_account",
    "image_id": "photo",
    "block_id": "event_block",
    "order_id": "order_at_the_door",
}
"""What a path's parameter names. `thing_id` without an entry is a row of the table `thing`."""


def owned_tables(session: Session) -> list[str]:
    """Those with a column `vendor_id`."""
    sql = (
        "select c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)"
        " where c.table_schema = 'public' and c.column_name = 'vendor_id' and t.table_type = 'BASE TABLE' order by 1"
    )
    return list(session.execute(text(sql)).scalars())


def parts(session: Session) -> list[tuple[str, str, str]]:
    """(table without a vendor, its column, owned table that the column points to by id)."""
    sql = """
        select child.relname, a.attname, parent.relname
        from pg_constraint k
        join pg_class child on child.oid = k.conrelid
        join pg_class parent on parent.oid = k.confrelid
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.contype = 'f' and array_length(k.conkey, 1) = 1 and b.attname = 'id'
        order by 1, 2
    """
    owned = set(owned_tables(session))
    return [(child, column, parent) for child, column, parent in session.execute(text(sql)) if parent in owned and child not in owned]


def rows_of(session: Session, vendor_id: UUID) -> dict[str, list[Any]]:
    """Every row of a vendor, by table, as JSON."""
    found = {
        table: list(
            session.execute(text(f"select to_jsonb(t) from {table} t where vendor_id = :v order by t::text"), {"v": vendor_id}).scalars()
        )
        for table in owned_tables(session)
    }
    found["vendor"] = list(session.execute(text("select to_jsonb(t) from vendor t where id = :v"), {"v": vendor_id}).scalars())
    for child, column, parent in parts(session):
        sql = f"select to_jsonb(t) from {child} t join {parent} p on p.id = t.{column} where p.vendor_id = :v order by t::text"
        found.setdefault(child, []).extend(session.execute(text(sql), {"v": vendor_id}).scalars())
    return found


def texts(value: Any) -> Iterable[str]:
    """Every text in a JSON value that is long enough to tell."""
    if isinstance(value, str):
        if len(value) >= SHORTEST and not SAYS_NOTHING.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        yield from itertools.chain.from_iterable(texts(item) for item in value.values())
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(texts(item) for item in value)


def only_of(session: Session, vendor_id: UUID, other_id: UUID) -> set[str]:
    """Ids, names, codes that are the vendor's and not the other's."""
    return set(texts(list(rows_of(session, vendor_id).values()))) - set(texts(list(rows_of(session, other_id).values())))


@dataclass
class Side:
    """One of the two vendors."""

    vendor_id: UUID
    tokens: Mapping[str, str]
    """By role."""
    ids: dict[str, str] = field(default_factory=dict)
    """One id by table."""

    def learn(self, session: Session) -> None:
        """Its oldest row of each table."""
        for table, rows in rows_of(session, self.vendor_id).items():
            ids = sorted(row["id"] for row in rows if "id" in row)
            if ids:
                self.ids[table] = str(ids[0])
        at_the_door = sorted(row["id"] for row in rows_of(session, self.vendor_id)["ticket_order"] if row["channel"] == "box_office")
        self.ids |= {"order_at_the_door": at_the_door[0]} if at_the_door else {}
        members = [row["user_id"] for row in rows_of(session, self.vendor_id)["vendor_member"]]
        self.ids["user_id"] = sorted(members)[0]


def table_of(parameter: str) -> str:
    """Whose ids a path's parameter takes."""
    return TABLES.get(parameter, parameter.removesuffix("_id"))


def paths(endpoint: Endpoint, *, own: Side, foreign: Side) -> list[tuple[str, str]]:
    """(an address with something foreign in it, the same with something that is nowhere): for each mix of own and foreign ids."""
    names = PARAMETER.findall(endpoint[1])
    found = []
    for mix in itertools.product((True, False), repeat=len(names)):
        if not any(mix):
            continue
        bad, absent = endpoint[1], endpoint[1]
        for name, is_foreign in zip(names, mix, strict=True):
            bad = bad.replace(f"{{{name}}}", (foreign if is_foreign else own).ids[table_of(name)])
            absent = absent.replace(f"{{{name}}}", str(uuid4()) if is_foreign else own.ids[table_of(name)])
        found.append((bad, absent))
    return found


def path_of(endpoint: Endpoint, side: Side) -> str:
    """The address of the vendor's own thing."""
    return PARAMETER.sub(lambda name: side.ids[table_of(name[1])], endpoint[1])


def body_of(body: Any, *, side: Side, theirs: Mapping[str, str]) -> Any:
    """An example's body with each id of a row in `theirs` (id → table) replaced by the vendor's own of that table."""
    if isinstance(body, str):
        return side.ids.get(theirs[body], body) if body in theirs else body
    if isinstance(body, dict):
        return {name: body_of(item, side=side, theirs=theirs) for name, item in body.items()}
    if isinstance(body, list):
        return [body_of(item, side=side, theirs=theirs) for item in body]
    return body
