"""The shape of the code: sizes, names, who reads the environment, what no committed file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ticketing", "flows", "sql", "dashboards", "tests")
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
BINARY = {".png", ".svg", ".ico", ".woff2", ".webp", ".jpg"}


@cache
def committed() -> tuple[Path, ...]:
    """Files of the repository: committed, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return tuple(path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file())


def python_files() -> list[Path]:
    return [path for path in committed() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_are_short() -> None:
    """A migration's SQL is frozen once it is released: it is not cut."""
    code = [path for path in committed() if path.suffix in (".py", ".sql", ".html", ".css", ".js") and "versions" not in path.parts]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in code}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert long == {}


def test_no_module_is_named_after_nothing() -> None:
    assert [name_of(path) for path in python_files() if EMPTY_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}] == []


def test_every_python_file_that_has_content_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in python_files()
        if path.name != "__init__.py" and path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


READS_SETTING = re.compile(r"(?:environ(?:\.get)?|getenv)\s*[\[(]\s*f?[\"']TICKETING_")


def test_only_settings_reads_our_environment() -> None:
    product = [path for path in python_files() if path.relative_to(ROOT).parts[0] != "tests"]
    assert [name_of(path) for path in product if READS_SETTING.search(path.read_text())] == []
    assert READS_SETTING.search("os.environ['TICKETING_HOME']")
    assert READS_SETTING.search('getenv("TICKETING_HOME")')


def test_nothing_is_patched_in_tests() -> None:
    patches = re.compile(r"\bmock\.patch|unittest.mock|import mock")
    others = [path for path in python_files() if path != Path(__file__).resolve()]
    assert [name_of(path) for path in others if patches.search(path.read_text())] == []


def test_no_committed_file_names_a_package_registry() -> None:
    registries = re.compile(r"https?://[^\s\"')]*(?:" + "|".join(["py" + "pi", "python" + "hosted", "npm" + "js", "/simple/"]) + ")")
    found = [name_of(path) for path in committed() if path.suffix not in BINARY and registries.search(path.read_text(errors="replace"))]
    assert found == []


def test_lock_names_no_address() -> None:
    locks = [path for path in committed() if path.suffix == ".lock"]
    assert locks
    assert [name_of(path) for path in locks if re.search(r"https?://|--(extra-)?index-url|--find-links", path.read_text())] == []


def test_lock_has_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [Requirement(line) for line in project["project"]["dependencies"] + project["dependency-groups"]["dev"]]
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", lock)
    locked: dict[str, list[str]] = {}
    for entry in entries:
        if match := re.match(r"([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;]+)", entry):
            assert "--hash=sha256:" in entry, match[0]
            locked.setdefault(match[1].lower(), []).append(match[2])
    for requirement in wanted:
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert any(requirement.specifier.contains(version) for version in locked.get(name, [])), requirement
