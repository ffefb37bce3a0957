"""What was on its way when somebody was erased: mails find nobody, vendors still hear of cancellations."""

from __future__ import annotations

import pytest

from tests.messages.conftest import Desk, desk, sink
from tests.privacy.conftest import PASSWORD, PLANTED, Scene
from tests.sinks import Sink
from ticketing.foundation.db import database_now
from ticketing.webhooks_out.plan import plan_deliveries

__all__ = ["desk", "sink"]


@pytest.fixture
def erased(scene: Scene) -> Scene:
    """Whose tickets were given up, so that their cancellations are still to be told."""
    assert scene.erase({"password": PASSWORD, "give_up_tickets": True}).status_code == 204
    return scene


def test_an_erased_person_gets_no_mail(erased: Scene, desk: Desk, sink: Sink) -> None:
    assert desk.plan().planned > 0, "cancellations were in the outbox"
    run = desk.deliver(sink.mailer())
    assert (run.accepted, run.failed, run.unknown) == (0, 0, 0)
    assert run.suppressed > 0
    assert sink.mails() == []


def test_vendors_hear_of_the_cancellations_and_of_nobody(erased: Scene) -> None:
    with erased.database.transaction() as session:
        run = plan_deliveries(session, now=database_now(session))
    assert run.events == run.deliveries > 0
    assert erased.found(PLANTED) == []
