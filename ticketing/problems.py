"""What each endpoint may refuse, and why: its problems, by the errors that end as them.

An endpoint that is missing here fails a test. Refusals that follow from an endpoint's shape and rule (no sign-in, a body that can't be
read, a header that is missing) are added to what stands here, so rows name what is the endpoint's own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ticketing.accounts import grants, links, members, oauth_routes, passwords, profile, service, sessions, social
from ticketing.accounts.access import Endpoint, Role, RoleMissing, Rule, ScopeMissing, VendorUnclear
from ticketing.catalog import browse, changes, payment_methods
from ticketing.foundation import clock, idempotency, money, outbound, states
from ticketing.foundation.errors import Conflict, Invalid, Malformed, NotFound, TicketingError, Unauthenticated
from ticketing.foundation.limits import TooManyRequests
from ticketing.inventory import best, claim, holds, publish, seatmap, vendor_routes, withdraw
from ticketing.inventory.writer import WriterBusy
from ticketing.messages import preferences, push
from ticketing.orders import admission, cancel, cancel_ticket, pay, place, receipt
from ticketing.payments import providers
from ticketing.promotions import service as promotions
from ticketing.promotions import uses
from ticketing.tickets.routes import TicketCancelled
from ticketing.tickets.service import TicketNotFound
from ticketing.waitingroom import enter, tokens
from ticketing.waitingroom import service as waitingroom
from ticketing.webhooks_out import service as webhooks

Problems = tuple[type[TicketingError], ...]

MAILED: Problems = (TooManyRequests,)
PASSWORD: Problems = (passwords.PasswordNotAcceptable, passwords.SignInsBusy)
ADDRESS: Problems = (service.AddressNotAcceptable,)
BY_WRITER: Problems = (WriterBusy,)
HOLDING: Problems = (
    claim.EventNotFound,
    claim.SeatNotFound,
    claim.NotOnSale,
    claim.SeatsTaken,
    claim.AccessCodeNeeded,
    claim.AllowanceExceeded,
    claim.SoldOut,
    best.NoAdjacentSeats,
    admission.NotYourTurn,
    admission.OneHoldAtATime,
    uses.CodeUnknown,
    uses.CodeNotInForce,
    TooManyRequests,
    *BY_WRITER,
)
ORDERING: Problems = (
    holds.HoldNotFound,
    holds.HoldEnded,
    place.HoldOrdered,
    place.HoldsDiffer,
    uses.CodeUnknown,
    uses.CodeNotInForce,
    uses.CodeUsedUp,
    uses.CodeNotForThis,
    TooManyRequests,
    *BY_WRITER,
)
PROVIDER: Problems = (providers.ProviderUnknown, providers.ProviderBusy, providers.ProviderDenied, providers.ProviderRefused)
CALLBACK: Problems = (pay.ProviderNotOffered, providers.BadSignature, Malformed, *BY_WRITER)
OWN_EVENT: Problems = (changes.EventUnknown,)
EVENT_BODY: Problems = (clock.UnknownZone, money.UnknownCurrency, money.AmountNotRepresentable)
CLIENT: Problems = (grants.ClientUnknown, grants.GrantRefused, TooManyRequests)
OWN_PROMOTION: Problems = (promotions.PromotionNotFound,)
OWN_QUEUE: Problems = (waitingroom.QueueNotFound,)
OWN_WEBHOOK: Problems = (webhooks.WebhookNotFound,)
OWN_TICKET: Problems = (TicketNotFound,)
OWN_VENDOR: Problems = (service.VendorNotFound,)

ACCOUNTS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/register"): (*ADDRESS, *PASSWORD, service.AddressTaken, service.SlugTaken, clock.UnknownZone, TooManyRequests),
    ("POST", "/api/login"): (service.WrongCredentials, passwords.SignInsBusy, TooManyRequests),
    ("POST", "/api/guests"): ADDRESS,
    ("POST", "/api/logout"): (),
    ("POST", "/api/email-verifications"): MAILED,
    ("POST", "/api/email-verifications/confirm"): (links.LinkNotValid,),
    ("POST", "/api/order-lookups"): MAILED,
    ("POST", "/api/password-resets"): MAILED,
    ("POST", "/api/password-resets/confirm"): (links.LinkNotValid, *PASSWORD),
    ("GET", "/api/me"): (),
    ("GET", "/api/sessions"): (),
    ("DELETE", "/api/sessions"): (),
    ("DELETE", "/api/sessions/{session_id}"): (sessions.SessionNotFound,),
    ("POST", "/api/users/{user_id}/disable"): (sessions.UserNotFound,),
    ("POST", "/api/users/{user_id}/enable"): (sessions.UserNotFound,),
}

OAUTH: Mapping[Endpoint, Problems] = {
    ("GET", "/api/vendors/{vendor_id}/clients"): OWN_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/clients"): (*OWN_VENDOR, grants.TooManyClients),
    ("DELETE", "/api/vendors/{vendor_id}/clients/{client_id}"): (*OWN_VENDOR, grants.ClientNotFound),
    ("POST", "/api/oauth/token"): (*CLIENT, grants.ScopeRefused, oauth_routes.GrantTypeUnknown),
    ("POST", "/api/oauth/revoke"): CLIENT,
    ("GET", "/api/oauth/{provider}/start"): (social.SignInProviderNotFound, social.SignInProviderSilent),
    ("GET", "/api/oauth/{provider}/callback"): (
        social.SignInProviderNotFound,
        social.SignInProviderSilent,
        social.JourneyBroken,
        social.SignInRefused,
        social.AddressNotGiven,
        *ADDRESS,
        service.AddressTaken,
        service.WrongCredentials,
        TooManyRequests,
    ),
}

PEOPLE: Mapping[Endpoint, Problems] = {
    ("GET", "/api/users/{user_id}"): (sessions.UserNotFound,),
    ("PUT", "/api/users/{user_id}"): (
        sessions.UserNotFound,
        *ADDRESS,
        service.AddressTaken,
        profile.LocaleUnknown,
        profile.PasswordWrong,
        passwords.SignInsBusy,
        TooManyRequests,
    ),
    ("POST", "/api/email-changes/confirm"): (links.LinkNotValid, service.AddressTaken),
    ("GET", "/api/vendors/{vendor_id}/members"): OWN_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/members"): (*OWN_VENDOR, members.AccountNotFound, service.AlreadyMember, TooManyRequests),
    ("PUT", "/api/vendors/{vendor_id}/members/{user_id}"): (*OWN_VENDOR, members.MemberNotFound, members.LastOwner),
    ("DELETE", "/api/vendors/{vendor_id}/members/{user_id}"): (*OWN_VENDOR, members.MemberNotFound, members.LastOwner),
    ("GET", "/api/preferences"): (),
    ("PUT", "/api/preferences"): (preferences.QuietHoursEmpty, clock.UnknownZone),
    ("POST", "/api/push-subscriptions"): (outbound.AddressRefused, push.PushKeysUnreadable, push.TooManyPushSubscriptions),
    ("GET", "/api/push-subscriptions"): (),
    ("DELETE", "/api/push-subscriptions/{push_subscription_id}"): (push.PushSubscriptionNotFound,),
}

EVENTS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/events"): (Malformed,),
    ("GET", "/api/events/{event_id}"): (browse.EventNotPublic,),
    ("GET", "/api/events/{event_id}/tickets"): (browse.EventNotPublic,),
    ("HEAD", "/api/events/{event_id}/tickets"): (browse.EventNotPublic,),
    ("GET", "/api/events/{event_id}/seats"): (browse.EventNotPublic, seatmap.SectionNotFound),
    ("POST", "/api/events"): (*OWN_VENDOR, VendorUnclear, *EVENT_BODY),
    ("PUT", "/api/events/{event_id}"): (*OWN_EVENT, changes.EventFixed, *EVENT_BODY),
    ("PATCH", "/api/events/{event_id}"): (*OWN_EVENT, changes.EventFixed, *EVENT_BODY),
    ("DELETE", "/api/events/{event_id}"): (*OWN_EVENT, withdraw.EventHasBuyers, states.TransitionNotAllowed),
    ("POST", "/api/events/{event_id}/publish"): (*(*OWN_EVENT, publish.EventIncomplete, publish.EventOver, states.TransitionNotAllowed),),
    ("GET", "/api/vendors/{vendor_id}/events"): OWN_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events/{event_id}"): (*OWN_VENDOR, *OWN_EVENT),
}

BOOKING: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{id}/holds"): HOLDING,
    ("GET", "/api/holds/{id}"): (holds.HoldNotFound, *BY_WRITER),
    ("PATCH", "/api/holds/{id}"): (holds.HoldNotFound, holds.HoldEnded, holds.AlreadyExtended, Conflict, *BY_WRITER),
    ("DELETE", "/api/holds/{id}"): (holds.HoldNotFound, holds.HoldEnded, Conflict, *BY_WRITER),
    ("POST", "/api/orders"): ORDERING,
    ("GET", "/api/orders"): (Malformed, *BY_WRITER),
    ("GET", "/api/orders/{id}"): (pay.OrderNotFound, *BY_WRITER),
    ("DELETE", "/api/orders/{id}"): (pay.OrderNotFound, cancel.OrderNotCancellable, *BY_WRITER),
    ("POST", "/api/payments"): (
        pay.OrderNotFound,
        pay.OrderPaid,
        pay.OrderNotPayable,
        pay.ProviderNotOffered,
        *PROVIDER,
        *BY_WRITER,
    ),
    ("GET", "/api/payments/{id}"): (pay.OrderNotFound, *BY_WRITER),
    ("POST", "/api/payments/webhooks/{provider}"): CALLBACK,
}

WAITING_ROOM: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{id}/queue"): (enter.NoQueue, *BY_WRITER),
    ("GET", "/api/queue/{token}"): (tokens.NoSuchPlace,),
    ("DELETE", "/api/queue/{token}"): (tokens.NoSuchPlace,),
    ("PUT", "/api/events/{event_id}/queue"): (*OWN_QUEUE, waitingroom.QueueHasOpened),
    ("GET", "/api/events/{event_id}/queue"): OWN_QUEUE,
    ("POST", "/api/events/{event_id}/queue/pause"): OWN_QUEUE,
    ("POST", "/api/events/{event_id}/queue/resume"): OWN_QUEUE,
}

PAYMENT_METHODS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/payment-methods"): (*OWN_VENDOR, VendorUnclear, payment_methods.PaymentMethodExists),
    ("GET", "/api/payment-methods"): (),
    ("PUT", "/api/payment-methods/{method_id}"): (payment_methods.PaymentMethodNotFound,),
    ("DELETE", "/api/payment-methods/{method_id}"): (payment_methods.PaymentMethodNotFound, payment_methods.PaymentMethodNeeded),
    ("POST", "/api/events/{event_id}/payment-methods"): (*OWN_EVENT, changes.EventFixed, payment_methods.PaymentMethodNeeded),
}

PROMOTIONS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/promotions"): (
        *OWN_VENDOR,
        VendorUnclear,
        promotions.CodeTaken,
        money.UnknownCurrency,
        money.AmountNotRepresentable,
    ),
    ("GET", "/api/promotions"): (),
    ("PATCH", "/api/promotions/{promotion_id}"): OWN_PROMOTION,
}

REPORTS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/vendors/{vendor_id}/sales"): OWN_VENDOR,
}

TICKETS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/tickets"): (),
    ("GET", "/api/tickets/{ticket_id}"): OWN_TICKET,
    ("HEAD", "/api/tickets/{ticket_id}"): OWN_TICKET,
    ("GET", "/api/tickets/{ticket_id}/qr"): (*OWN_TICKET, TicketCancelled),
    ("GET", "/api/tickets/{ticket_id}/pdf"): (*OWN_TICKET, TicketCancelled),
    ("GET", "/api/tickets/{ticket_id}/receipt"): (*OWN_TICKET, pay.OrderNotFound, receipt.OrderNotPaid),
    ("DELETE", "/api/tickets/{ticket_id}"): (*OWN_TICKET, cancel_ticket.TicketNotCancellable, *BY_WRITER),
}

WEBHOOKS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/webhooks"): (*OWN_VENDOR, VendorUnclear, outbound.AddressRefused, webhooks.TooManyWebhooks),
    ("GET", "/api/webhooks"): (),
    ("DELETE", "/api/webhooks/{webhook_id}"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/secret"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/enable"): OWN_WEBHOOK,
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): (
        *OWN_WEBHOOK,
        webhooks.DeliveryNotFound,
        webhooks.WebhookDisabled,
        states.TransitionNotAllowed,
    ),
}

BOOKING_AT_ONCE: Mapping[Endpoint, Problems] = {
    ("POST", "/api/tickets/book"): (*HOLDING, *ORDERING),
    ("POST", "/api/shows/{event_id}/tickets"): (*HOLDING, *ORDERING),
    ("POST", "/api/payment/callback"): CALLBACK,
}
"""Aliases that an adapter takes in: all others have the problems of what they stand for."""

PROBLEMS: Mapping[Endpoint, Problems] = {
    **ACCOUNTS,
    **OAUTH,
    **PEOPLE,
    **EVENTS,
    **BOOKING,
    **WAITING_ROOM,
    **PAYMENT_METHODS,
    **PROMOTIONS,
    **REPORTS,
    **TICKETS,
    **WEBHOOKS,
    **BOOKING_AT_ONCE,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A type of problem as it is documented."""

    kind: str
    status: int
    sentence: str


OTHER_SITE = Problem("other-site", 403, "A browser says that another site has sent this: only our own pages, and programs, may.")
TOO_LARGE = Problem("body-too-large", 413, "The body is longer than is taken here.")
EVERYWHERE = (
    Problem("method-not-allowed", 405, "This address exists, and takes other methods."),
    Problem("origin-not-allowed", 403, "Scripts of this origin are not on the installation's list."),
    Problem("unexpected", 500, "Something went wrong on our side; the sentence holds a reference that our logs know."),
)
"""Not of single endpoints."""


def problem_of(error: type[TicketingError]) -> Problem:
    """What the error of this class is called and means: its docstring's first paragraph."""
    words = inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return Problem(error.kind(), error.status, re.sub(r"`details\[\"(\w+)\"\]`", r"`\1`", words))


def problems_of(endpoint: Endpoint, rule: Rule, operation: Mapping[str, Any]) -> list[Problem]:
    """All problems of an operation, its own and those that follow from its shape and rule; by status, then name."""
    found = {problem_of(error) for error in (*PROBLEMS.get(endpoint, ()), *_by_rule(rule), *_by_shape(endpoint[1], operation))}
    if endpoint[0] not in ("GET", "HEAD"):
        found.add(OTHER_SITE)
    if "requestBody" in operation:
        found.add(TOO_LARGE)
    return sorted(found, key=lambda problem: (problem.status, problem.kind))


def _by_rule(rule: Rule) -> Iterator[type[TicketingError]]:
    if Role.ANYONE not in rule.roles:
        yield from (Unauthenticated, RoleMissing, ScopeMissing)


def _by_shape(path: str, operation: Mapping[str, Any]) -> Iterator[type[TicketingError]]:
    if "{id}" in path:  # of the plain routes, which call what is no UUID not found
        yield NotFound
    headers = {item["name"].lower() for item in operation.get("parameters", ()) if item["in"] == "header"}
    if operation.get("requestBody") or operation.get("parameters"):
        yield Invalid
    if operation.get("requestBody"):
        yield Malformed
    if "idempotency-key" in headers:
        yield from (idempotency.IdempotencyKeyMissing, idempotency.IdempotencyKeyReused, Malformed)
    if "if-match" in headers:
        yield from (vendor_routes.VersionNeeded, changes.EventVersionChanged, Malformed)
