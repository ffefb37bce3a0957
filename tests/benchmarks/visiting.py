"""One visit after another, from the list of events to the printed ticket, and what is noted on the way."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.benchmarks.load import Client
from tests.world import World

PASSWORD = "a long enough password"
CONFIRMATION_SECONDS = 30.0
SIGN_IN = "sign in"


@dataclass
class Notes:
    """Of one stretch; seconds."""

    calls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bookings: list[float] = field(default_factory=list)
    """From the seats being asked for to the tickets being there, without the time for thought."""
    health: list[float] = field(default_factory=list)
    storm: Counter[int] = field(default_factory=Counter)
    storm_seconds: list[float] = field(default_factory=list)
    asked_to_wait: int = 0
    api_cpu: float = 0.0
    load: float = 0.0
    """Of the machine at the end: processes that wanted a core, others' included."""

    def others(self) -> list[float]:
        """All calls but signing in."""
        return [seconds for what, calls in self.calls.items() if what != SIGN_IN for seconds in calls]

    def all(self) -> list[float]:
        return [seconds for calls in self.calls.values() for seconds in calls]


class Fault(Exception):
    """An answer that a visitor can't do anything with."""


class Booth:
    """What all visitors share: the world, whom they sign in as, and where it is noted what they see."""

    def __init__(self, here: World, *, people: list[str], think: float) -> None:
        self.world = here
        self.people = iter(people)
        self.think = think
        self.notes = Notes()
        self.errors: Counter[str] = Counter()
        self.visits = 0
        self.taken = 0
        self.authorization = {"Authorization": f"Bearer {here.settings.secrets.fake_provider_api_key}"}


class Visitor:
    """One after another, people at one device: each comes, buys, and leaves."""

    def __init__(self, booth: Booth, number: int, seed: int) -> None:
        self._booth = booth
        self._chance = random.Random(f"{seed}-{number}")
        self._api = Client(booth.world.api_port, source=f"127.2.{number // 250}.{number % 250 + 1}")
        self._provider = Client(booth.world.provider_port)
        self._who: dict[str, str] = {}

    async def live(self, until: asyncio.Event) -> None:
        await asyncio.sleep(self._chance.uniform(0, 8 * self._booth.think))  # they don't come in step
        while not until.is_set():
            try:
                await self._visit()
                self._booth.visits += 1
                self._api.close()  # the next one has a connection of their own
            except Fault as fault:
                self._booth.errors[str(fault)] += 1
                await self._think()
            except (OSError, asyncio.IncompleteReadError) as error:
                self._booth.errors[type(error).__name__] += 1
                self._api.close()
        self._api.close()
        self._provider.close()

    async def _visit(self) -> None:
        self._who = {}
        await self._ask("list", "GET", "/api/events?limit=24")
        wanted = self._chance.randrange(len(self._booth.world.events))
        found = await self._ask("search", "GET", f"/api/events?search=Night+{wanted}&sort=price_asc")
        event = self._chance.choice(found["events"])["id"]
        await self._ask("event", "GET", f"/api/events/{event}")
        overview = await self._ask("sections", "GET", f"/api/events/{event}/seats")
        section = self._chance.choice(overview["sections"])["section_id"]
        seats = await self._ask("seats", "GET", f"/api/events/{event}/seats?section={section}")
        await self._sign_in()
        order = await self._book(event, [seat["seat_no"] for seat in seats["seats"] if seat["state"] == "free"])
        ticket = next(line["ticket_id"] for line in order["lines"])
        await self._ask("tickets", "GET", "/api/tickets")
        await self._ask("qr", "GET", f"/api/tickets/{ticket}/qr")
        await self._ask("pdf", "GET", f"/api/tickets/{ticket}/pdf")

    async def _sign_in(self) -> None:
        person = {"email": next(self._booth.people), "password": PASSWORD}
        while True:
            status, answer = await self._call(SIGN_IN, "POST", "/api/login", person)
            if status == 200:
                break
            if status != 503 or "retry_after_seconds" not in answer:
                raise Fault(f"{SIGN_IN} {status} {answer}")
            self._booth.notes.asked_to_wait += 1
            await asyncio.sleep(answer["retry_after_seconds"] * self._chance.uniform(1, 2))
        self._who = {"Authorization": f"Bearer {answer['token']}"}
        await self._think()

    async def _book(self, event: str, free: list[int]) -> Any:
        """The confirmed order of one or two seats; others may be quicker, then it is other seats."""
        notes = self._booth.notes
        hold, spent = await self._hold(event, free)
        await self._think()
        started = time.perf_counter()
        order = await self._ask("order", "POST", "/api/orders", {"hold_ids": [hold["id"]]}, thinks=False)
        payment = await self._ask("pay", "POST", "/api/payments", {"order_id": order["id"]}, thinks=False)
        spent += time.perf_counter() - started
        await self._think()
        started = time.perf_counter()
        paid = await self._provider.post(f"/v1/sessions/{payment['provider_ref']}/pay", {}, self._booth.authorization)
        if paid[0] != 200:
            raise Fault(f"provider {paid[0]}")
        while order["state"] != "confirmed":
            if time.perf_counter() - started > CONFIRMATION_SECONDS:
                raise Fault("paid, and not confirmed")
            await asyncio.sleep(0.1)
            order = await self._ask("read order", "GET", f"/api/orders/{order['id']}", thinks=False)
        spent += time.perf_counter() - started
        if self._booth.notes is notes:
            notes.bookings.append(spent)
        await self._think()
        return order

    async def _hold(self, event: str, free: list[int]) -> tuple[Any, float]:
        """(the hold, seconds that it took to get one)."""
        started = time.perf_counter()
        while free:
            seats = self._chance.sample(free, min(self._chance.choice((1, 2)), len(free)))
            status, hold = await self._call("hold", "POST", f"/api/events/{event}/holds", {"seats": seats})
            if status == 201:
                return hold, time.perf_counter() - started
            if status != 409:
                raise Fault(f"hold {status} {hold}")
            self._booth.taken += 1
            free = [seat for seat in free if seat not in seats]
        raise Fault("no seat is left: there are too few for so long a run")

    async def _ask(self, what: str, method: str, path: str, body: Any = None, *, thinks: bool = True) -> Any:
        status, answer = await self._call(what, method, path, body)
        if status not in (200, 201):
            raise Fault(f"{what} {status} {answer}")
        if thinks:
            await self._think()
        return answer

    async def _call(self, what: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = self._who | ({"Idempotency-Key": uuid4().hex} if method == "POST" and self._who else {})
        notes, started = self._booth.notes, time.perf_counter()
        answer = await self._api.ask(method, path, body, headers)
        notes.calls[what].append(time.perf_counter() - started)
        return answer

    async def _think(self) -> None:
        await asyncio.sleep(self._booth.think * self._chance.uniform(0.5, 1.5))
