"""Actions that ask first, and are done once.

Streamlit runs a page's script again at every click, may stop one run for the next, and a double click sends the same click twice.
So an action is a question kept for the browser tab; the answer takes it away before anything is done, and a second answer finds
nothing. The slip is changed in place: reading or writing Streamlit's own state is where a run may be stopped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboards.figures import plain
from ticketing.foundation.errors import TicketingError, fault_report
from ticketing.foundation.ids import new_code

log = logging.getLogger("dashboards")
MOST_NAMED = 50
"""So many wrong fields are listed."""


@dataclass(frozen=True)
class Question:
    place: str
    """Where on the page it stands, and what it is about."""
    told: str
    """Where what comes of it is said: the same place, or one that is still there when its subject is gone."""
    text: str
    yes: str
    work: Callable[[], str] = field(repr=False)
    """What is done; answers what to say then. Must not draw."""


@dataclass(frozen=True)
class Said:
    place: str
    text: str
    is_problem: bool


@dataclass
class Slip:
    """What one tab has been asked, and what came of the last answer."""

    asked: Question | None = None
    said: Said | None = None
    answering: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held while something is done: a run that was started meanwhile waits, and then says what came of it."""


def ask(
    place: str, text: str, *, yes: str, work: Callable[[], str], check: Callable[[], object] = lambda: None, told: str | None = None
) -> None:
    """Ask at `place`, and say at `told` (else there too) what comes of it; when `check` raises, say what is wrong instead.

    Takes the place of a question that is still open.
    """
    slip = _slip()
    slip.asked = slip.said = None
    try:
        check()
    except TicketingError as problem:
        slip.said = Said(place, describe(problem), is_problem=True)
    else:
        slip.asked = Question(place, told or place, text, yes, work)


def refuse(place: str, why: str | TicketingError) -> None:
    """Say at `place` why nothing is asked."""
    slip = _slip()
    slip.asked, slip.said = None, Said(place, plain(why) if isinstance(why, str) else describe(why), is_problem=True)


def show(place: str) -> None:
    """The question that is open at `place`, or what came of it."""
    slip = _slip()
    question, said = slip.asked, slip.said
    if question is not None and question.place == place:
        with st.container(border=True):
            st.markdown(question.text)
            left, right, _ = st.columns([2, 2, 5])
            left.button(question.yes, type="primary", key=f"yes_{place}", on_click=answer, args=(slip, question), width="stretch")
            right.button("Leave it", key=f"no_{place}", on_click=leave, args=(slip, question), width="stretch")
    elif said is not None and said.place == place:
        (st.error if said.is_problem else st.success)(said.text)


def answer(slip: Slip, question: Question) -> None:
    """Yes: done, if this question is still open."""
    with slip.answering:
        if slip.asked is not question:
            return
        slip.asked = None
        slip.said = _outcome(question)


def _outcome(question: Question) -> Said:
    try:
        return Said(question.told, question.work(), is_problem=False)
    except TicketingError as problem:
        return Said(question.told, describe(problem), is_problem=True)
    except Exception as error:  # noqa: BLE001 - the page says that something failed, the log says what
        reference = new_code()
        log.error("action failed, reference %s: %s", reference, fault_report(error))
        return Said(question.told, f"This could not be done. Tell the operator this reference: {reference}.", is_problem=True)


def leave(slip: Slip, question: Question) -> None:
    """No: nothing happens."""
    if slip.asked is question:
        slip.asked = None


def describe(problem: TicketingError) -> str:
    """A problem in words, with the fields that it names; as Markdown that loads nothing."""
    fields: dict[str, Any] = problem.details.get("fields") or {}
    named = [f"\n- {plain(name)}: {plain(_said(what))}" for name, what in list(fields.items())[:MOST_NAMED]]
    return plain(problem.message) + "\n" + "".join(named) if named else plain(problem.message)


def _said(what: object) -> str:
    return "; ".join(str(part) for part in what) if isinstance(what, list) else str(what)


def _slip() -> Slip:
    if "slip" not in st.session_state:
        st.session_state["slip"] = Slip()
    slip: Slip = st.session_state["slip"]
    return slip
