"""docs/security.md: every requirement of levels 1 and 2 once, each with evidence that exists, or with why there is none."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKLIST = ROOT / "docs" / "security.md"
REASON = re.compile(r"^not applicable: \S|^not met(: \S|$)")
LIKE_A_FILE = re.compile(r"\.?\w+[/.]\w")
EVIDENCE = re.compile(r"^(`[^`]+`( |$))+$")

WANTED = {
    "1.1": "1-7", "1.2": "1-4", "1.4": "1 4 5", "1.5": "1-4", "1.6": "1-4", "1.7": "1 2", "1.8": "1 2", "1.9": "1 2", "1.10": "1",
    "1.11": "1 2", "1.12": "2", "1.14": "1-6", "2.1": "1-12", "2.2": "1-3", "2.3": "1-3", "2.4": "1-5", "2.5": "1-7", "2.6": "1-3",
    "2.7": "1-6", "2.8": "1-7", "2.9": "1-3", "2.10": "1-4", "3.1": "1", "3.2": "1-4", "3.3": "1-4", "3.4": "1-5", "3.5": "1-3",
    "3.7": "1", "4.1": "1 2 3 5", "4.2": "1 2", "4.3": "1-3", "5.1": "1-5", "5.2": "1-8", "5.3": "1-10", "5.4": "1-3", "5.5": "1-4",
    "6.1": "1-3", "6.2": "1-6", "6.3": "1 2", "6.4": "1 2", "7.1": "1-4", "7.2": "1 2", "7.3": "1 3 4", "7.4": "1-3", "8.1": "1-4",
    "8.2": "1-3", "8.3": "1-8", "9.1": "1-3", "9.2": "1-4", "10.2": "1 2", "10.3": "1-3", "11.1": "1-8", "12.1": "1-3", "12.2": "1",
    "12.3": "1-6", "12.4": "1 2", "12.5": "1 2", "12.6": "1", "13.1": "1 3 4 5", "13.2": "1 2 3 5 6", "13.3": "1 2", "13.4": "1 2",
    "14.1": "1-4", "14.2": "1-6", "14.3": "2 3", "14.4": "1-7", "14.5": "1-4",
}  # fmt: skip
"""The requirements of levels 1 and 2 in version 4.0.3: section → numbers."""


def numbers(said: str) -> list[int]:
    """`"1-3 5"` → 1, 2, 3, 5."""
    found: list[int] = []
    for part in said.split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def rows() -> list[tuple[str, str]]:
    """(number, or a range of them; evidence) of each line."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in CHECKLIST.read_text().splitlines() if line.startswith("|")]
    return [(cell[0], cell[2]) for cell in cells if cell[0][:1].isdigit()]


def each_number(said: str) -> list[str]:
    """`"2.6.1–2.6.3"` → its three."""
    first, _, last = said.partition("–")
    section, _, start = first.rpartition(".")
    assert not last or last.startswith(section + "."), said
    return [f"{section}.{number}" for number in range(int(start), int((last or first).rpartition(".")[2]) + 1)]


@cache
def cases_in(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_each_requirement_has_one_line() -> None:
    found = Counter(number for said, _ in rows() for number in each_number(said))
    wanted = {f"{section}.{number}" for section, said in WANTED.items() for number in numbers(said)}
    assert {number for number, count in found.items() if count > 1} == set()
    assert found.keys() ^ wanted == set()


@pytest.mark.parametrize(("number", "evidence"), rows(), ids=[number for number, _ in rows()])
def test_each_line_has_evidence_that_exists_or_says_why_not(number: str, evidence: str) -> None:
    if not REASON.match(evidence):
        assert EVIDENCE.match(evidence), "neither evidence nor a reason"
    for named in re.findall(r"`([^`]+)`", evidence):
        path, _, test = named.partition("::")
        if not LIKE_A_FILE.match(path):
            continue  # a word of HTTP
        assert (ROOT / path).is_file(), named
        if test:
            assert test in cases_in(ROOT / path), named
