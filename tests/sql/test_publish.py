"""Publishing never shows a reader anything but a whole snapshot, whatever is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sql.publish import KEEP_COUNT, KEEP_SECONDS, CopyFailed, publish_file, snapshots
from sql.snapshot import NoSnapshot, open_snapshot
from tests.sql.conftest import Run
from tests.sql.market import Market
from tests.sql.reading import read_on
from ticketing.foundation.db import Database, Role

Ask = Callable[..., list[tuple[Any, ...]]]

READERS = int(os.environ.get("SNAPSHOT_READERS", "2"))
PUBLICATIONS = int(os.environ.get("SNAPSHOT_PUBLICATIONS", "5"))
"""`SNAPSHOT_READERS=8 SNAPSHOT_PUBLICATIONS=20` for the full proof."""

TURN = """
import sys
from pathlib import Path
from sql.warehouse import Warehouse
from ticketing.export.roll_up import roll_up
from ticketing.foundation.db import Database
from ticketing.foundation.faults import arm
core, owner, reader, directory, point = sys.argv[1:]
if point != "none":
    arm(point)
with Warehouse(Path(directory)) as warehouse:
    roll_up(Database(core_url=core, owner_url=owner, reader_url=reader), warehouse)
"""


def turn_in_process(database: Database, directory: Path, *, point: str = "none") -> subprocess.Popen[bytes]:
    """One turn of the roll-up in a process of its own, which kills itself at `point`."""
    urls = [database.url(role) for role in (Role.CORE, Role.OWNER, Role.READER)]
    return subprocess.Popen([sys.executable, "-c", TURN, *urls, str(directory), point], stderr=subprocess.PIPE)


def test_readers_see_whole_snapshots_while_others_are_published(market: Market, run: Run, database: Database, directory: Path) -> None:
    on = market.open_event(places=50_000)
    run()
    context = multiprocessing.get_context("spawn")
    ready, stop, answers = context.Semaphore(0), context.Event(), context.Queue()
    readers = [context.Process(target=read_on, args=(directory, ready, stop, answers)) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for _ in readers:
        assert ready.acquire(timeout=120)
    with database.connect() as connection:
        for _ in range(PUBLICATIONS):
            market.sell(connection, on, quantity=5)
            connection.commit()
            run()
    stop.set()
    results = [answers.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join()
    reads = [result[0] for result in results]
    print(f"{READERS} readers, {PUBLICATIONS} publications: {sum(reads)} reads, {sum(result[1] for result in results)} torn")
    assert [result[2] for result in results] == [[]] * READERS
    assert sum(result[1] for result in results) == 0
    assert min(reads) > PUBLICATIONS
    assert max(result[3] for result in results) > 2, "readers must have followed the publications"


@pytest.mark.parametrize("point", ["snapshot_copied", "snapshot_renamed"])
def test_the_last_good_snapshot_stays_when_publishing_is_killed(
    market: Market, run: Run, ask: Ask, database: Database, directory: Path, point: str
) -> None:
    on = market.open_event()
    run()
    with database.connect() as connection:
        market.sell(connection, on)
    killed = turn_in_process(database, directory, point=point)
    assert killed.wait(timeout=60) == -signal.SIGKILL
    assert ask("select batch from meta_publish") == [(1,)]
    assert not run().is_full
    assert ask("select sum(tickets) from mart_sales_daily") == [(1,)]
    assert not (directory / ".draft.duckdb").exists()


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.3])
def test_the_next_run_finishes_when_one_is_killed_at_any_time(
    market: Market, run: Run, ask: Ask, database: Database, directory: Path, delay: float
) -> None:
    on = market.open_event()
    run()
    with database.connect() as connection:
        market.sell(connection, on, quantity=4)
    killed = turn_in_process(database, directory)
    lock = directory / "writer.lock"
    deadline = time.monotonic() + 60
    while lock.read_text().strip() != str(killed.pid):
        assert time.monotonic() < deadline, killed.communicate()
        time.sleep(0.005)
    time.sleep(delay)
    killed.kill()
    killed.wait()
    assert ask("select count(*) from meta_publish") == [(1,)]
    run()
    assert ask("select sum(tickets) from mart_sales_daily") == [(4,)]


def test_a_snapshot_is_read_only_and_linked_by_name(market: Market, run: Run, directory: Path) -> None:
    market.open_event()
    published = run().snapshot
    assert published is not None
    assert stat.S_IMODE(published.stat().st_mode) == 0o444
    assert os.readlink(directory / "current.duckdb") == published.name, "a relative link survives moving the directory"


def test_the_connection_is_kept_until_the_link_moves(market: Market, run: Run, directory: Path) -> None:
    market.open_event()
    run()
    first = open_snapshot(directory)
    assert open_snapshot(directory) is first
    run()
    second = open_snapshot(directory)
    assert (first.batch, second.batch) == (1, 2)
    assert first.cursor().execute("select batch from meta_publish").fetchall() == [(1,)], "whoever still reads the old one may finish"


def test_no_snapshot_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(NoSnapshot, match="no published snapshot"):
        open_snapshot(tmp_path)


def test_old_snapshots_go_by_age_and_by_count(tmp_path: Path) -> None:
    live = tmp_path / "live.duckdb"
    live.write_bytes(b"figures")
    for number in range(1, KEEP_COUNT + 3):
        publish_file(live, tmp_path, number=number, step=lambda _: None)
    assert len(snapshots(tmp_path)) == KEEP_COUNT + 2, "young ones stay, however many they are"
    long_ago = time.time() - KEEP_SECONDS - 1
    for _, path in snapshots(tmp_path):
        os.utime(path, (long_ago, long_ago))
    publish_file(live, tmp_path, number=99, step=lambda _: None)
    assert [number for number, _ in snapshots(tmp_path)] == [KEEP_COUNT + 1, KEEP_COUNT + 2, 99], "the newest stay, however old they are"


def test_the_link_stays_when_the_copy_fails(tmp_path: Path) -> None:
    live = tmp_path / "live.duckdb"
    live.write_bytes(b"figures")
    publish_file(live, tmp_path, number=1, step=lambda _: None)
    live.unlink()
    with pytest.raises(CopyFailed, match="No such file"):
        publish_file(live, tmp_path, number=2, step=lambda _: None)
    assert os.readlink(tmp_path / "current.duckdb") == "warehouse-00000001.duckdb"
    assert [number for number, _ in snapshots(tmp_path)] == [1]
