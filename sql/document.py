"""The warehouse's manual, from the comments of its SQL files."""

from __future__ import annotations

from sql.definitions import LAYERS, Definition, checks, definitions, published

HEAD = """# The warehouse

Made by `ticketing warehouse doc` from the comments in `sql/`; the tables carry the same comments (`duckdb_columns()`).

Open it with `duckdb -readonly .ticketing/warehouse/current.duckdb`, or ask with `ticketing warehouse query SQL`. A published
snapshot never changes. Money is in minor units (cents for EUR, yen for JPY), and **amounts of different currencies must not
be added**: every table with amounts has, or belongs to a row that has, a currency. Instants are in UTC; a `day` is a business
day in the vendor's zone.

People appear only as `analytics_id`, a random number that erasure takes away.
"""

TITLES = {
    "marts": "Marts: the figures",
    "dimensions": "Dimensions: what the figures are about",
    "facts": "Facts: the latest image of each row of the core",
    "meta": "About the snapshot itself",
}


def manual() -> str:
    """The text of `docs/warehouse.md`."""
    parts = [HEAD]
    for layer, title in TITLES.items():
        parts.append(f"## {title}\n")
        parts += [_table(definition) for definition in sorted(published(), key=lambda d: d.name) if definition.layer == layer]
    parts.append("## Checks\n\nRun within every increment; a row from any of them, and nothing is published.\n")
    parts.append("".join(f"* `{name}`: {select.splitlines()[0][3:]}\n" for name, select in checks().items()))
    parts.append("* `grain of …`: no two rows of a table share its grain.\n")
    parts.append("\n## Lineage\n\n```mermaid\nflowchart LR\n" + "".join(_edges()) + "```\n")
    return "\n".join(parts)


def _table(definition: Definition) -> str:
    rows = "".join(f"| `{name}` | {meaning.replace('|', chr(92) + '|')} |\n" for name, meaning in definition.columns.items())
    return (
        f"### `{definition.name}`\n\n{definition.meaning}\n\n* Grain: {', '.join(f'`{c}`' for c in definition.grain)}\n"
        f"* Source: {definition.source}\n* Units: {definition.units}\n\n| column | what it is |\n|---|---|\n{rows}"
    )


def _edges() -> list[str]:
    names = {definition.name for definition in definitions() if definition.layer in LAYERS}
    return [
        f"  {source} --> {definition.name}\n"
        for definition in sorted(definitions(), key=lambda d: d.name)
        for source in sorted(definition.reads)
        if definition.layer in TITLES and definition.layer != "meta" and source in names and source != "changed_events"
    ]
