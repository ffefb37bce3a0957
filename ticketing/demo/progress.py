"""What a demo shows while it works: a line per step, with a bar where something is counted. On the error output."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


@dataclass(frozen=True, slots=True)
class Count:
    """A step that is counted."""

    progress: Progress
    task: TaskID

    def at(self, done: int, total: int) -> None:
        """So far, of how many."""
        self.progress.update(self.task, completed=done, total=total)

    def name(self, done: str) -> None:
        """One more is done, called so."""
        self.progress.update(self.task, advance=1)
        self.progress.console.print(f"  {done}", style="dim")


class Steps:
    """Shows steps one after the other."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step that can't be counted."""
        started = time.monotonic()
        with self.console.status(f"{what} …"):
            yield
        self._done(what, started)

    @contextmanager
    def counted(self, what: str, total: int) -> Iterator[Count]:
        """A step with a bar."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            yield Count(progress, progress.add_task(what, total=total))
        self._done(what, started)

    def _done(self, what: str, started: float) -> None:
        self.console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)
