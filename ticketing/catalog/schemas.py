"""What vendors send when they make or change an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime

from ticketing.catalog.changes import BilledArtist, Price
from ticketing.catalog.rules import Visibility, check_start
from ticketing.catalog.service import DEFAULT_REFUND_POLICY, LONGEST_TITLE, EventDraft
from ticketing.foundation.clock import UnknownZone, zone
from ticketing.foundation.errors import Invalid
from ticketing.foundation.money import AmountNotRepresentable, UnknownCurrency, exponent, parse


def no_control_characters(value: str) -> str:
    if any(not character.isprintable() and character not in "\n\t" for character in value):
        raise ValueError("must not hold control characters")
    return value


def _known_zone(value: str) -> str:
    try:
        zone(value)
    except UnknownZone:
        raise ValueError("is no IANA time zone") from None
    return value


def _known_currency(value: str) -> str:
    try:
        exponent(value)
    except UnknownCurrency:
        raise ValueError("is no ISO 4217 currency") from None
    return value


Words = Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE), AfterValidator(no_control_characters)]
Tag = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(no_control_characters)]
Zone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_known_zone)]
Currency = Annotated[str, Field(min_length=3, max_length=3, examples=["EUR"]), AfterValidator(_known_currency)]
Moment = Annotated[AwareDatetime, Field(examples=["2027-03-01T09:00:00+01:00"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ArtistBody(_Body):
    name: Words = Field(examples=["Ada Ensemble"])
    role: Words = Field(default="artist", examples=["orchestra"])


class PriceBody(_Body):
    category: Words = Field(examples=["Stalls"], description="of the layout's seats, or the name of a standing section")
    price: str = Field(max_length=20, examples=["45.00"], description="in the event's currency, tax included, the platform's fee not")
    tax_rate_bps: int = Field(default=0, ge=0, le=10_000, examples=[700], description="ten-thousandths")


class RefundStepBody(_Body):
    days_before: int = Field(ge=0, le=730)
    percent: int = Field(ge=0, le=100)


class RefundPolicyBody(_Body):
    """What goes back on request: the first step that is far enough ahead of the start counts. No steps: nothing."""

    steps: list[RefundStepBody] = Field(max_length=10)
    fee_refunded: bool = False


class EventBody(_Body):
    """An event as its vendor wants it."""

    title: Words = Field(examples=["Evening concert"])
    description: Annotated[str, Field(max_length=10_000), AfterValidator(no_control_characters)] = ""
    category: Words = Field(examples=["concert"])
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    local_start: NaiveDatetime = Field(examples=["2027-03-20T20:00:00"], description="wall time at the venue, without offset")
    zone: Zone
    doors_at: Moment | None = None
    sales_open_at: Moment
    sales_close_at: Moment | None = Field(default=None, description="when it starts, unless said otherwise")
    visibility: Visibility = Visibility.PUBLIC
    public_at: Moment | None = Field(default=None, description="with visibility public_from")
    max_per_buyer: int = Field(default=10, ge=1, le=1000)
    hold_seconds: int = Field(default=600, ge=30, le=7200)
    checkout_seconds: int = Field(default=3600, ge=30, le=86_400, description="from the first hold to the end of payment")
    currency: Currency
    refund_policy: RefundPolicyBody = RefundPolicyBody.model_validate(DEFAULT_REFUND_POLICY)
    artists: list[ArtistBody] = Field(default_factory=list, max_length=100)
    prices: list[PriceBody] = Field(default_factory=list, max_length=200)

    def draft(self) -> EventDraft:
        """Raises `Invalid` for a start that no clock at the venue shows, and as `EventDraft.check` does."""
        draft = EventDraft(**draft_fields(self.model_dump()))
        draft.check()
        check_start(draft.local_start, draft.zone)
        return draft


class NewEvent(EventBody):
    layout_id: UUID = Field(description="a published layout of the vendor's")
    vendor_id: UUID | None = None
    """May be left out by whoever acts for one vendor only."""


class EventChanges(_Body):
    """Only what is to be changed."""

    title: Words | None = None
    description: Annotated[str, Field(max_length=10_000), AfterValidator(no_control_characters)] | None = None
    category: Words | None = None
    tags: list[Tag] | None = Field(default=None, max_length=20)
    local_start: NaiveDatetime | None = None
    zone: Zone | None = None
    doors_at: Moment | None = None
    sales_open_at: Moment | None = None
    sales_close_at: Moment | None = None
    visibility: Visibility | None = None
    public_at: Moment | None = None
    max_per_buyer: int | None = Field(default=None, ge=1, le=1000)
    hold_seconds: int | None = Field(default=None, ge=30, le=7200)
    checkout_seconds: int | None = Field(default=None, ge=30, le=86_400)
    currency: Currency | None = None
    refund_policy: RefundPolicyBody | None = None
    artists: list[ArtistBody] | None = Field(default=None, max_length=100)
    prices: list[PriceBody] | None = Field(default=None, max_length=200)

    def changes(self) -> dict[str, Any]:
        """What was sent, as fields of `EventDraft`; null clears what may be empty. Raises `Invalid`."""
        sent = self.model_dump(exclude_unset=True)
        if empty := sorted(name for name, value in sent.items() if value is None and name not in MAY_BE_EMPTY):
            raise Invalid("Some fields can't be empty.", fields=dict.fromkeys(empty, "can't be empty"))
        return draft_fields(sent)


MAY_BE_EMPTY = frozenset({"doors_at", "sales_close_at", "public_at"})
NOT_OF_THE_DRAFT = frozenset({"artists", "prices", "layout_id", "vendor_id"})


def draft_fields(body: dict[str, Any]) -> dict[str, Any]:
    """A body's fields as those of `EventDraft`."""
    fields = {name: value for name, value in body.items() if name not in NOT_OF_THE_DRAFT}
    return fields | ({"tags": tuple(fields["tags"])} if "tags" in fields else {})


def to_prices(bodies: Sequence[PriceBody], currency: str) -> list[Price]:
    """In minor units; raises `Invalid` naming each price that the currency can't express, and categories named twice."""
    wrong: dict[str, str] = {}
    prices: list[Price] = []
    for number, body in enumerate(bodies):
        try:
            prices.append(Price(body.category, parse(body.price, currency).amount_minor, body.tax_rate_bps))
        except AmountNotRepresentable:
            wrong[f"prices.{number}.price"] = "is no amount, or has more decimals than its currency"
    if len({body.category for body in bodies}) != len(bodies):
        wrong["prices"] = "a category is named twice"
    if wrong:
        raise Invalid("Some prices are not acceptable.", fields=wrong)
    return prices


def to_artists(bodies: Sequence[ArtistBody]) -> list[BilledArtist]:
    return [BilledArtist(body.name, body.role) for body in bodies]
