"""Questions to a snapshot on behalf of one vendor.

In a query, `{sales_daily}` stands for the rows of `mart_sales_daily` that are the vendor's: it expands to a sub-select bound
to `$vendor`. A query that names a table directly is refused, so none can forget the vendor. Marts come before dimensions
and facts when a name fits several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa

from sql.snapshot import Snapshot

QUERIES = Path(__file__).resolve().parent / "queries"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
UNOWNED = {"dim_date": "", "dim_venue": " or vendor_id is null"}
"""Tables that are (in part) nobody's: the calendar, and venues shared by all."""

HARMLESS_FUNCTIONS = frozenset({"unnest", "generate_series", "range"})


class UnscopedQuery(ValueError):
    """The query reads something that is not limited to the vendor; says what."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows may be seen."""

    vendor_id: UUID


def run_query(snapshot: Snapshot, scope: Scope, name: str, **parameters: Any) -> pa.Table:
    """Run `queries/<name>.sql`; its head says which parameters it takes and which columns it gives."""
    return run_sql(snapshot, scope, read_query(name), **parameters)


def run_sql(snapshot: Snapshot, scope: Scope, sql: str, **parameters: Any) -> pa.Table:
    """Run a query written with placeholders. UUIDs come back as text. Raises `UnscopedQuery`."""
    if "vendor" in parameters:
        raise UnscopedQuery("the parameter $vendor is the scope's")
    tables = snapshot.tables
    _check_scoped(snapshot, sql)
    expanded = PLACEHOLDER.sub(lambda match: _sub_select(match[1], tables), sql)
    bound: Mapping[str, Any] = {**parameters, "vendor": scope.vendor_id} if "$vendor" in expanded else parameters
    return snapshot.cursor().execute(expanded, dict(bound)).to_arrow_table()


@cache
def read_query(name: str) -> str:
    """The text of a stored query; raises `FileNotFoundError`."""
    return (QUERIES / f"{name}.sql").read_text()


def _table_of(name: str, tables: Mapping[str, frozenset[str]]) -> str:
    found = next((f"{layer}_{name}" for layer in ("mart", "dim", "fct") if f"{layer}_{name}" in tables), None)
    if found is None:
        raise UnscopedQuery(f"there is no table for {{{name}}}")
    if "vendor_id" not in tables[found] and found not in UNOWNED:
        raise UnscopedQuery(f"{found} does not say whose its rows are")
    return found


def _sub_select(name: str, tables: Mapping[str, frozenset[str]]) -> str:
    table = _table_of(name, tables)
    if "vendor_id" not in tables[table]:
        return f"(select * from {table})"
    return f"(select * from {table} where vendor_id = $vendor{UNOWNED.get(table, '')})"


def _check_scoped(snapshot: Snapshot, sql: str) -> None:
    """Raise `UnscopedQuery` unless every row that `sql` reads comes through a placeholder."""
    tables = snapshot.tables
    marked = PLACEHOLDER.sub(lambda match: f"scoped.{_table_of(match[1], tables)}", sql)
    row = snapshot.cursor().execute("select json_serialize_sql($sql)", {"sql": marked}).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        raise UnscopedQuery(f"not a SELECT that can be read: {tree.get('error_message', '')}")
    if len(tree["statements"]) != 1:
        raise UnscopedQuery("more than one statement")
    nodes = list(_nodes(tree))
    named = {entry["key"] for node in nodes if isinstance(node.get("cte_map"), dict) for entry in node["cte_map"]["map"]}
    if hidden := named & tables.keys():
        raise UnscopedQuery(f"{min(hidden)} is the name of a table")
    for node in nodes:
        kind = node.get("type")
        if kind == "BASE_TABLE" and node["schema_name"] != "scoped" and (node["schema_name"] or node["table_name"] not in named):
            raise UnscopedQuery(f"{node['table_name']} is read without a vendor: write it as a placeholder")
        if kind == "TABLE_FUNCTION" and node["function"]["function_name"] not in HARMLESS_FUNCTIONS:
            raise UnscopedQuery(f"{node['function']['function_name']}() is not allowed as a table")
        if kind == "SHOW_REF":
            raise UnscopedQuery("a query can't describe or summarize")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
