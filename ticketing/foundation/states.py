"""State machines: a `StrEnum`, one table of transitions, a pure step."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from ticketing.foundation.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class TransitionNotAllowed(Conflict):
    """The thing's present state does not allow this."""


def advance(table: Mapping[State, frozenset[State]], now_in: State, to: State) -> State:
    """`to`, when `table` allows it from `now_in`; else raises `TransitionNotAllowed`."""
    if to not in table[now_in]:
        raise TransitionNotAllowed(f"{type(now_in).__name__} {now_in} can't become {to}.", state=now_in.value, wanted=to.value)
    return to
