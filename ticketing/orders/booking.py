"""The buyer's path, for everything that calls it: pages, API routes, the simulation. One per process.

Every call is a request to the writer thread. From an event loop, await the coroutines; from a thread, use `wait`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from ticketing.accounts.access_tokens import Access, AccessTokens
from ticketing.accounts.lookup import AccountLookupHandler, SessionCache, SessionLookupHandler
from ticketing.accounts.walk_ins import Person
from ticketing.foundation.db import Database
from ticketing.foundation.ids import new_code, new_id
from ticketing.foundation.loop import background_loop
from ticketing.inventory.best import BestHandler, BestRequest
from ticketing.inventory.claim import ClaimHandler, ClaimRequest
from ticketing.inventory.holds import HoldChange, HoldChangeHandler, HoldView
from ticketing.inventory.writer import AfterCommit, Writer
from ticketing.orders.admission import AdmittedOnly
from ticketing.orders.book import BookHandler, BookRequest
from ticketing.orders.cancel import CancelHandler, CancelRequest
from ticketing.orders.cancel_ticket import CancelledTicket, CancelTicketHandler, CancelTicketRequest
from ticketing.orders.opening import OpenedByCode
from ticketing.orders.package import PackageHandler, PackageRequest
from ticketing.orders.pay import IntentHandler, IntentRequest, PaymentView, ProviderNotOffered, SessionOpened, SessionOpenedHandler
from ticketing.orders.place import PlaceHandler, PlaceRequest
from ticketing.orders.read import OrderView
from ticketing.orders.rules import Channel
from ticketing.orders.settle import SettleHandler, Settlement, SettleRequest
from ticketing.orders.staff_sale import StaffSale, StaffSaleHandler, TakenWith
from ticketing.payments.providers import PaymentProvider, ProviderNotice, polled_notice
from ticketing.waitingroom.enter import EnterHandler, EnterRequest, Place
from ticketing.waitingroom.turns import Turn, TurnHandler

Result = TypeVar("Result")
WAIT_SECONDS = 30


class Booking:
    """Holding, ordering, paying, settling, cancelling. Errors are those of the modules that do the work."""

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, PaymentProvider],
        *,
        access_tokens: AccessTokens | None = None,
        after_commit: AfterCommit | None = None,
    ) -> None:
        self._providers = providers
        claims, bests, places = AdmittedOnly(OpenedByCode(ClaimHandler())), AdmittedOnly(OpenedByCode(BestHandler())), PlaceHandler()
        self._writer = Writer(
            database,
            {
                "settle": SettleHandler(),
                "intent": IntentHandler(),
                "session_opened": SessionOpenedHandler(),
                "place": places,
                "claim": claims,
                "best": bests,
                "book": BookHandler(claims=claims, bests=bests, places=places),
                "package": PackageHandler(claims=claims, bests=bests, places=places),
                "hold_change": HoldChangeHandler(),
                "cancel": CancelHandler(),
                "cancel_ticket": CancelTicketHandler(),
                "staff_sale": StaffSaleHandler(),
                "session": SessionLookupHandler(),
                "account": AccountLookupHandler(),
                "enter": EnterHandler(),
                "turn": TurnHandler(),
            },
            after_commit=after_commit,
        )
        self.sessions = SessionCache(self._look_up, look_up_account=self._look_up_account, access_tokens=access_tokens)

    async def _look_up(self, digest: bytes) -> UUID | None:
        user_id: UUID | None = await self._writer.call("session", digest)
        return user_id

    async def _look_up_account(self, access: Access) -> UUID | None:
        user_id: UUID | None = await self._writer.call("account", access)
        return user_id

    def start(self) -> None:
        self._writer.start()

    def stop(self) -> None:
        """Finish what is queued."""
        self._writer.stop()

    def provider(self, name: str) -> PaymentProvider:
        """The provider of that name; raises `ProviderNotOffered`."""
        try:
            return self._providers[name]
        except KeyError:
            raise ProviderNotOffered(f"There is no payment provider {name!r} here.", provider=name) from None

    @staticmethod
    def wait(work: Coroutine[Any, Any, Result]) -> Result:
        """Run one of the coroutines from a thread; raises its error."""
        return asyncio.run_coroutine_threadsafe(work, background_loop()).result(WAIT_SECONDS)

    async def enter_queue(self, *, event_id: UUID, buyer_id: UUID, tell: bool) -> Place:
        """A place in the waiting room of an event; the same one while it lasts."""
        place: Place = await self._writer.call("enter", EnterRequest(new_id(), event_id, buyer_id, tell))
        return place

    async def read_turn(self, entry_id: UUID) -> Turn | None:
        """Where a buyer in a waiting room stands, by the row that decides; None: there is no such entry."""
        turn: Turn | None = await self._writer.call("turn", entry_id)
        return turn

    async def hold(
        self,
        *,
        event_id: UUID,
        buyer_id: UUID,
        key: str,
        digest: bytes,
        seats: Sequence[int] = (),
        places: Sequence[tuple[UUID, int]] = (),
        code: str | None = None,
    ) -> HoldView:
        """Keep seats (by number) and places (by pool) of an event for a buyer; an access code opens what is closed."""
        request = ClaimRequest(new_id(), event_id, buyer_id, key, digest, tuple(sorted(seats)), tuple(sorted(places)), code)
        request.check()
        hold: HoldView = await self._writer.call("claim", request)
        return hold

    async def hold_best(
        self,
        *,
        event_id: UUID,
        buyer_id: UUID,
        key: str,
        digest: bytes,
        quantity: int,
        section_id: UUID | None = None,
        ticket_type_id: UUID | None = None,
        accessible: bool = False,
        code: str | None = None,
    ) -> HoldView:
        """Keep the best neighbouring seats that are free, in a section or of a ticket type if one is named."""
        request = BestRequest(new_id(), event_id, buyer_id, key, digest, quantity, section_id, ticket_type_id, accessible, code)
        request.check()
        hold: HoldView = await self._writer.call("best", request)
        return hold

    async def extend_hold(self, *, hold_id: UUID, buyer_id: UUID) -> HoldView:
        """Once, by the event's hold time."""
        hold: HoldView = await self._writer.call("hold_change", HoldChange(hold_id, buyer_id, extend=True))
        return hold

    async def release_hold(self, *, hold_id: UUID, buyer_id: UUID) -> HoldView:
        """Give the places back now."""
        hold: HoldView = await self._writer.call("hold_change", HoldChange(hold_id, buyer_id, extend=False))
        return hold

    async def place_order(
        self,
        *,
        hold_ids: Sequence[UUID],
        buyer_id: UUID,
        key: str,
        digest: bytes,
        channel: Channel,
        referrer: str | None = None,
        code: str | None = None,
        link_code: str | None = None,
    ) -> OrderView:
        """An order from holds of one vendor, with a code, and the tracking link that the buyer followed."""
        request = PlaceRequest(new_id(), new_code(), buyer_id, tuple(sorted(hold_ids)), key, digest, channel, referrer, code, link_code)
        request.check()
        order: OrderView = await self._writer.call("place", request)
        return order

    async def book(
        self,
        hold: ClaimRequest | BestRequest,
        *,
        key: str,
        channel: Channel,
        referrer: str | None = None,
        code: str | None = None,
        link_code: str | None = None,
    ) -> OrderView:
        """Hold and order at once: both, or neither. The hold's own key is `hold_key(key)`."""
        hold.check()
        order = PlaceRequest(new_id(), new_code(), hold.buyer_id, (hold.hold_id,), key, hold.digest, channel, referrer, code, link_code)
        booked: OrderView = await self._writer.call("book", BookRequest(hold, order))
        return booked

    async def order_package(self, *, package_id: UUID, buyer_id: UUID, quantity: int, key: str, digest: bytes) -> OrderView:
        """Places at every event of a package for so many people, and one order of them; or nothing."""
        request = PackageRequest(new_id(), new_code(), buyer_id, package_id, quantity, key, digest)
        request.check()
        order: OrderView = await self._writer.call("package", request)
        return order

    async def start_payment(
        self, *, order_id: UUID, buyer_id: UUID, provider: str, key: str, digest: bytes, return_url: str
    ) -> PaymentView:
        """Ask the provider for a page to pay on. Repeating it with the same key resumes where it stopped."""
        asked = self.provider(provider)
        intent: PaymentView = await self._writer.call("intent", IntentRequest(new_id(), order_id, buyer_id, provider, key, digest))
        if intent.redirect_url is not None:
            return intent
        session = await asked.open_session(
            key=f"{intent.id}:1",
            reference=intent.id,
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            account_ref=intent.account_ref,
            order_code=intent.order_code,
            return_url=return_url,
            expires_at=intent.session_expires_at,
        )
        await self._writer.call("session_opened", SessionOpened(intent.id, session.provider_ref, session.redirect_url))
        return intent.opened(session.provider_ref, session.redirect_url)

    async def settle(self, notice: ProviderNotice) -> Settlement:
        """Take in what a provider says; safe to repeat."""
        settlement: Settlement = await self._writer.call("settle", SettleRequest.of(notice))
        return settlement

    async def look_up_payment(self, payment: PaymentView) -> Settlement | None:
        """Ask the provider what became of a payment, and settle it: a webhook may be late, or lost. None: still open."""
        if payment.provider_ref is None:
            return None
        provider = self.provider(payment.provider)
        notice = polled_notice(provider.name, await provider.get_payment(payment.provider_ref))
        return None if notice is None else await self.settle(notice)

    async def cancel_order(self, *, order_id: UUID, buyer_id: UUID, key: str, digest: bytes) -> OrderView:
        """Give the places back; a paid order is refunded by its events' policies."""
        order: OrderView = await self._writer.call("cancel", CancelRequest(order_id, buyer_id, key, digest))
        return order

    async def cancel_ticket(self, *, ticket_id: UUID, order_id: UUID, buyer_id: UUID, key: str, digest: bytes) -> CancelledTicket:
        """Give one place of a paid order back, for a refund by its event's policy."""
        ticket: CancelledTicket = await self._writer.call("cancel_ticket", CancelTicketRequest(ticket_id, order_id, buyer_id, key, digest))
        return ticket

    async def sell_by_staff(
        self,
        *,
        vendor_ids: Sequence[UUID],
        actor_id: UUID,
        person: Person | None,
        event_id: UUID,
        key: str,
        digest: bytes,
        seats: Sequence[int] = (),
        places: Sequence[tuple[UUID, int]] = (),
        taken_with: TakenWith | None,
        note: str = "",
    ) -> OrderView:
        """Sell places at the door, or give them away (`taken_with` None): a confirmed order with its tickets, for a new guest."""
        wanted = tuple(sorted(seats)), tuple(sorted(places))
        request = StaffSale(new_id(), new_code(), tuple(vendor_ids), actor_id, person, event_id, *wanted, key, digest, taken_with, note)
        request.check()
        order: OrderView = await self._writer.call("staff_sale", request)
        return order
