"""What becomes of a file in `sql/` is said by its folder:
staging     temporary views over the rows that arrived, which lie in temporary tables (raw_*)
dimensions, facts   tables with the latest image of each row: MERGE by grain
changes     temporary tables: what this increment touches
marts       tables recomputed for the changed events only; those that don't read `changed_events` are views
meta        small tables made anew each time
"""

from __future__ import annotations

from typing import Any

import duckdb

from sql.definitions import Definition, checks, definitions


def take_in(connection: duckdb.DuckDBPyConnection, definition: Definition, *, is_full: bool) -> None:
    """Run one file over the rows that arrived; `is_full`: into an empty warehouse."""
    name, select, grain = definition.name, definition.select, ", ".join(definition.grain)
    if definition.layer == "staging":
        connection.execute(f"create or replace temp view {name} as {select}")
    elif definition.layer == "changes":
        connection.execute(f"create or replace temp table {name} as {select}")
    elif definition.layer == "meta":
        connection.execute(f"create or replace table {name} as {select}")
        _comment(connection, definition, kind="table")
    elif is_full:
        is_view = definition.layer == "marts" and not definition.by_event
        connection.execute(f"create {'view' if is_view else 'table'} {name} as {select}")
        _comment(connection, definition, kind="view" if is_view else "table")
    elif definition.by_event:
        connection.execute(f"delete from {name} where event_id in (select event_id from changed_events)")
        connection.execute(f"insert into {name} {select}")
    elif definition.arrives is not None:
        connection.execute(
            f"merge into {name} using ({select}) as arrived using ({grain}) when matched then update when not matched then insert"
        )


def _comment(connection: duckdb.DuckDBPyConnection, definition: Definition, *, kind: str) -> None:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    meaning = f"{definition.meaning} Grain: {', '.join(definition.grain)}. Units: {definition.units}."
    connection.execute(f"comment on {kind} {definition.name} is {quoted(meaning)}")
    for column, text in definition.columns.items():
        connection.execute(f"comment on column {definition.name}.{column} is {quoted(text)}")


def failed_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """The checks that fail, with the rows they give."""
    questions = dict(checks())
    for definition in definitions():
        if definition.layer in ("dimensions", "facts", "marts"):
            grain = ", ".join(definition.grain)
            arrived = f" where ({grain}) in (select {grain} from {definition.arrives})" if definition.arrives else ""
            questions[f"grain of {definition.name}"] = f"select {grain} from {definition.name}{arrived} group by all having count(*) > 1"
    return {name: rows for name, select in questions.items() if (rows := connection.execute(select).fetchall())}


def count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of each table."""
    names = [d.name for d in definitions() if d.layer in ("dimensions", "facts", "marts")]
    select = " union all ".join(f"select '{name}', count(*) from {name}" for name in names)
    return dict(connection.execute(select).fetchall())
