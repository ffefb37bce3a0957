"""What the documents say to type works, and what they point to exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketing.cli import COMMANDS
from ticketing.foundation import embedded
from ticketing.foundation.schema import ROLE_STATEMENTS
from ticketing.foundation.settings import Settings
from ticketing.invariants.runner import load

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

RUN_ELSEWHERE = {
    "make demo": "tests/demo runs the same command with --once",
    "make test": "this is it",
    "make check": "make test, and what .ci/run adds to it",
    "make setup": "the environment that runs this",
}
"""Commands of the README and CONTRIBUTING that a test can't run inside itself: what is checked instead."""


def commands(page: Path) -> list[str]:
    """The commands of a page's `sh` blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL)
    lines = [line.split(" # ")[0].split("   #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


README_COMMANDS = list(dict.fromkeys(commands(ROOT / "README.md")))


@pytest.fixture(scope="module")
def fresh_home() -> Iterator[Path]:
    """An installation of its own for the README's commands; the path is short because PostgreSQL's socket lies below it."""
    home = Path(tempfile.mkdtemp(prefix="tkt-doc-"))
    yield home
    embedded.stop(home, mode="immediate")
    shutil.rmtree(home, ignore_errors=True)


def make(*arguments: str) -> str:
    done = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_begins_with_the_two_commands() -> None:
    assert README_COMMANDS[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("line", [line for line in README_COMMANDS if line not in RUN_ELSEWHERE])
def test_readme_command_succeeds_when_it_is_typed(line: str, fresh_home: Path) -> None:
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/ticketing", f"{line}: neither a command of ours nor one that is run elsewhere"
    done = subprocess.run(
        [sys.executable, "-m", "ticketing.cli", *arguments],
        cwd=fresh_home,
        env={name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")} | {"TICKETING_HOME": str(fresh_home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_make_targets_that_pages_name_exist() -> None:
    named = {match for page in PAGES for match in re.findall(r"`make ([a-z-]+)", page.read_text())}
    named |= {line.split()[1] for page in PAGES for line in commands(page) if line.startswith("make ")}
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert named <= listed
    assert listed <= set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1].split())  # type: ignore[index]


def test_make_test_runs_the_whole_suite_and_ci_runs_it_too() -> None:
    suite = re.compile(r"^\.venv/bin/pytest( --require-browser)?\s*$", flags=re.MULTILINE)
    assert suite.search(make("test"))
    ci = (ROOT / ".ci" / "run").read_text()
    assert "make --keep-going check PYTEST_ARGS=--require-browser" in ci
    checked = make("check", "PYTEST_ARGS=--require-browser")
    assert suite.search(checked)
    assert all(tool in checked for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"))
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_demo_is_the_demo_command() -> None:
    assert "ticketing demo" in make("demo")
    assert "ticketing demo --once" in make("demo", "ONCE=1")


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "clean-demo", "test", "check", "bench-orders", "verify", "lock"):
        assert re.search(rf"{target}\b.*\w", done.stdout)


def test_commands_that_pages_name_exist() -> None:
    named = {match for page in PAGES for match in re.findall(r"(?:`|\.venv/bin/)ticketing ([a-z][a-z-]*)", page.read_text())}
    assert named <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_decision_records_are_numbered_without_gaps() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
    for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        assert page.read_text().startswith(f"# {page.name[:4]}: "), page.name


def test_operations_page_lists_every_setting_invariant_and_role() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"TICKETING_[A-Z_]+", page)) - {"TICKETING_"} == {f"TICKETING_{name.upper()}" for name in Settings.model_fields}
    assert all(f"{statement};" in page for statement in ROLE_STATEMENTS)
    families = "".join(re.findall(r"^\| ([A-Z0-9–, ]+) \|", page, flags=re.MULTILINE))
    assert {invariant.code[0] for invariant in load()} <= set(families)


def test_license_is_the_apache_license() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert len(text.splitlines()) == 201
