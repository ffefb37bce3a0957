"""docs/api.md is run, block by block, as a reader would: against a real server, with the provider beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.world import World, world

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
ADDRESS, VENDOR = "http://localhost:8000", "kanalbuehne"
"""Of the demo, as the page has them; the test's own installation has others."""

Block = tuple[int, str, str]
"""(line where its code begins, language, code)"""


def blocks(page: str) -> list[Block]:
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return [(page[: match.start(2)].count("\n") + 1, match[1], match[2]) for match in found]


def run(page: str, site: World) -> dict[str, Any]:
    """Run the page's commands and Python in order, in one namespace, which is returned."""
    names: dict[str, Any] = {}
    for line, language, code in blocks(page):
        if language == "python":
            exec(compile("\n" * (line - 1) + code, str(PAGE), "exec"), names)  # noqa: S102 - the page is ours
        elif language == "sh":
            program, *arguments = shlex.split(code)
            assert program == ".venv/bin/ticketing"
            assert site.start(*arguments).wait(60) == 0, code
    return names


def for_site(page: str, site: World) -> str:
    assert ADDRESS in page
    assert VENDOR in page
    return page.replace(ADDRESS, site.shop).replace(VENDOR, "bench")


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world(events=5, seats=40, buyers=0, standing=10, processes=1) as running:
        yield running


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page writes files."""
    monkeypatch.chdir(tmp_path)


def test_the_page_works_as_it_is_written(site: World, tmp_path: Path) -> None:
    page = PAGE.read_text()
    names = run(for_site(page, site), site)
    assert len([block for block in blocks(page) if block[1] == "python"]) >= 15
    code = names["order"]["code"]
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files.keys() == {f"{code}-{number}.{kind}" for number in (1, 2) for kind in ("svg", "pdf")}
    assert files[f"{code}-1.pdf"].startswith(b"%PDF-")
    assert files[f"{code}-1.svg"].startswith(b"<svg")
    with site.database.transaction() as session:
        states = session.execute(text("select state, count(*) from ticket group by state order by state")).all()
    assert [tuple(row) for row in states] == [("cancelled", 1), ("valid", 1)]


def test_a_block_that_does_not_work_fails_and_says_where(site: World) -> None:
    page = for_site(PAGE.read_text(), site)
    first = page.index("guest = api.post(")
    broken = page[:first] + page[first:].replace('"/guests"', '"/gusts"', 1)
    line = page[:first].count("\n") + 1
    with pytest.raises(Exception, match="404") as failed:
        run(broken, site)
    assert any(entry.path == PAGE and entry.lineno + 1 == line for entry in failed.traceback)


def test_every_call_that_the_page_names_exists(site: World) -> None:
    known = {re.sub(r"\{\w+\}", "{}", path) for path in httpx.get(f"{site.shop}/api/openapi.json").json()["paths"]}
    named = set(re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE|HEAD) (/api/[^`\s?]+)", PAGE.read_text()))
    assert named
    assert {re.sub(r"\{\w+\}", "{}", path) for path in named} <= known
