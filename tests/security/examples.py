"""One call of every endpoint, for the table of who may call what. A feature's calls stand in a dictionary of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from ticketing.accounts.access import Endpoint

Example = tuple[str, Any]
"""Path with ids filled in, and the JSON body."""


SOMETHING = uuid4()
"""An id of nothing."""

ACCOUNTS: dict[Endpoint, Example] = {
    ("POST", "/api/register"): ("/api/register", {"email": "x", "password": "0123456789ab", "display_name": "X"}),
    ("POST", "/api/login"): ("/api/login", {"email": 1}),  # right credentials are another test's
    ("POST", "/api/guests"): ("/api/guests", {"email": "ada@example.org", "display_name": "Ada"}),
    ("POST", "/api/logout"): ("/api/logout", None),
    ("POST", "/api/email-verifications"): ("/api/email-verifications", {"email": "nobody@example.org"}),
    ("POST", "/api/email-verifications/confirm"): ("/api/email-verifications/confirm", {"token": "x"}),
    ("POST", "/api/order-lookups"): ("/api/order-lookups", {"email": "nobody@example.org"}),
    ("POST", "/api/password-resets"): ("/api/password-resets", {"email": "nobody@example.org"}),
    ("POST", "/api/password-resets/confirm"): ("/api/password-resets/confirm", {"token": "x", "password": "0123456789ab"}),
    ("GET", "/api/me"): ("/api/me", None),
    ("GET", "/api/sessions"): ("/api/sessions", None),
    ("DELETE", "/api/sessions"): ("/api/sessions", None),
    ("DELETE", "/api/sessions/{session_id}"): (f"/api/sessions/{SOMETHING}", None),
    ("POST", "/api/users/{user_id}/disable"): (f"/api/users/{SOMETHING}/disable", None),
    ("POST", "/api/users/{user_id}/enable"): (f"/api/users/{SOMETHING}/enable", None),
}

PUSH_KEYS = {  # of nobody: a point of P-256 and sixteen bytes
    "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    "auth": "AAAAAAAAAAAAAAAAAAAAAA",
}


def people_examples(*, user: UUID, vendor: UUID, member: UUID) -> dict[Endpoint, Example]:
    """Of the buyer's own profile, and of a member of the vendor who may lose the role."""
    return {
        ("GET", "/api/users/{user_id}"): (f"/api/users/{user}", None),
        ("PUT", "/api/users/{user_id}"): (f"/api/users/{user}", {"display_name": "Buyer", "locale": "en_GB"}),
        ("POST", "/api/email-changes/confirm"): ("/api/email-changes/confirm", {"token": "x"}),
        ("GET", "/api/vendors/{vendor_id}/members"): (f"/api/vendors/{vendor}/members", None),
        ("POST", "/api/vendors/{vendor_id}/members"): (
            f"/api/vendors/{vendor}/members",
            {"email": "nobody@example.org", "role": "scanner"},
        ),
        ("PUT", "/api/vendors/{vendor_id}/members/{user_id}"): (f"/api/vendors/{vendor}/members/{member}", {"role": "scanner"}),
        ("DELETE", "/api/vendors/{vendor_id}/members/{user_id}"): (f"/api/vendors/{vendor}/members/{member}", None),
        ("GET", "/api/preferences"): ("/api/preferences", None),
        ("PUT", "/api/preferences"): ("/api/preferences", {"kinds": {"your_turn": True}}),
        ("POST", "/api/push-subscriptions"): ("/api/push-subscriptions", {"endpoint": "https://127.0.0.1/push", "keys": PUSH_KEYS}),
        ("GET", "/api/push-subscriptions"): ("/api/push-subscriptions", None),
        ("DELETE", "/api/push-subscriptions/{push_subscription_id}"): (f"/api/push-subscriptions/{SOMETHING}", None),
    }


def privacy_examples(*, user: UUID) -> dict[Endpoint, Example]:
    """Of the buyer's data; who is erased can't ask for anything more, so that is nobody."""
    return {
        ("GET", "/api/users/{user_id}/export"): (f"/api/users/{user}/export", None),
        ("DELETE", "/api/users/{user_id}"): (f"/api/users/{SOMETHING}", {"give_up_tickets": False}),
    }


WEBHOOKS: dict[Endpoint, Example] = {
    ("POST", "/api/webhooks"): ("/api/webhooks", {"url": "https://127.0.0.1/", "events": ["order.confirmed"]}),
    ("GET", "/api/webhooks"): ("/api/webhooks", None),
    ("DELETE", "/api/webhooks/{webhook_id}"): (f"/api/webhooks/{SOMETHING}", None),
    ("POST", "/api/webhooks/{webhook_id}/secret"): (f"/api/webhooks/{SOMETHING}/secret", None),
    ("POST", "/api/webhooks/{webhook_id}/enable"): (f"/api/webhooks/{SOMETHING}/enable", None),
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): (f"/api/webhooks/{SOMETHING}/deliveries", None),
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): (
        f"/api/webhooks/{SOMETHING}/deliveries/{SOMETHING}/replay",
        None,
    ),
}

STRANGE_PLACE = "A" * 75
WAITING_ROOM: dict[Endpoint, Example] = {
    ("GET", "/api/queue/{token}"): (f"/api/queue/{STRANGE_PLACE}", None),
    ("DELETE", "/api/queue/{token}"): (f"/api/queue/{STRANGE_PLACE}", None),
    ("PUT", "/api/events/{event_id}/queue"): (f"/api/events/{SOMETHING}/queue", {"opens_at": "2027-03-01T09:00:00Z", "most_shoppers": 5}),
    ("GET", "/api/events/{event_id}/queue"): (f"/api/events/{SOMETHING}/queue", None),
    ("POST", "/api/events/{event_id}/queue/pause"): (f"/api/events/{SOMETHING}/queue/pause", None),
    ("POST", "/api/events/{event_id}/queue/resume"): (f"/api/events/{SOMETHING}/queue/resume", None),
    ("POST", "/api/events/{id}/queue"): (f"/api/events/{SOMETHING}/queue", {}),
}


EVENT_LIFE: dict[Endpoint, Example] = {
    ("POST", "/api/events/{event_id}/close-sales"): (f"/api/events/{SOMETHING}/close-sales", None),
    ("POST", "/api/events/{event_id}/reopen-sales"): (f"/api/events/{SOMETHING}/reopen-sales", None),
    ("POST", "/api/events/{event_id}/postpone"): (f"/api/events/{SOMETHING}/postpone", {"local_start": "2031-03-20T20:00:00"}),
    ("POST", "/api/events/{event_id}/clone"): (
        f"/api/events/{SOMETHING}/clone",
        {"local_start": "2031-03-21T20:00:00", "title": "The 2nd night"},
    ),
    ("GET", "/api/events/{event_id}/ticket-types"): (f"/api/events/{SOMETHING}/ticket-types", None),
    ("POST", "/api/events/{event_id}/blocks"): (f"/api/events/{SOMETHING}/blocks", {"seats": [40, 41], "reason": "house", "note": "Press"}),
    ("GET", "/api/events/{event_id}/blocks"): (f"/api/events/{SOMETHING}/blocks", None),
    ("DELETE", "/api/events/{event_id}/blocks"): (f"/api/events/{SOMETHING}/blocks?seats=40", None),
    ("DELETE", "/api/events/{event_id}/blocks/{block_id}"): (f"/api/events/{SOMETHING}/blocks/{SOMETHING}", None),
    ("PATCH", "/api/events/{event_id}/ticket-types/{ticket_type_id}"): (
        f"/api/events/{SOMETHING}/ticket-types/{SOMETHING}",
        {"capacity": 90},
    ),
}

STAFF_SALES: dict[Endpoint, Example] = {
    ("POST", "/api/box-office/orders"): ("/api/box-office/orders", {"event_id": str(SOMETHING), "seats": [30], "taken_with": "cash"}),
    ("GET", "/api/box-office/orders/{order_id}/pdf"): (f"/api/box-office/orders/{SOMETHING}/pdf", None),
    ("POST", "/api/events/{event_id}/complimentary"): (
        f"/api/events/{SOMETHING}/complimentary",
        {"seats": [31], "recipient": {"email": "press@example.org", "display_name": "Press"}},
    ),
}

PAYMENT_METHODS: dict[Endpoint, Example] = {
    ("POST", "/api/payment-methods"): ("/api/payment-methods", {"kind": "cash", "label": "Cash", "instructions": "At the door."}),
    ("GET", "/api/payment-methods"): ("/api/payment-methods", None),
    ("PUT", "/api/payment-methods/{method_id}"): (f"/api/payment-methods/{SOMETHING}", {"label": "Cash", "instructions": ""}),
    ("DELETE", "/api/payment-methods/{method_id}"): (f"/api/payment-methods/{SOMETHING}", None),
    ("POST", "/api/events/{event_id}/payment-methods"): (
        f"/api/events/{SOMETHING}/payment-methods",
        {"payment_method_ids": [str(SOMETHING)]},
    ),
}

RECOMMENDATIONS: dict[Endpoint, Example] = {
    ("GET", "/api/recommendations"): ("/api/recommendations?city=Hamburg", None),
    ("POST", "/api/recommendations/opt-out"): ("/api/recommendations/opt-out", None),
    ("DELETE", "/api/recommendations/opt-out"): ("/api/recommendations/opt-out", None),
}
WAITING_LIST: dict[Endpoint, Example] = {
    ("POST", "/api/events/{event_id}/waiting-list"): (f"/api/events/{SOMETHING}/waiting-list", {"quantity": 2, "max_price": "65.00"}),
    ("GET", "/api/waiting-list"): ("/api/waiting-list", None),
    ("DELETE", "/api/waiting-list/{entry_id}"): (f"/api/waiting-list/{SOMETHING}", None),
}


def photo_examples(*, user: UUID, vendor: UUID, event: UUID) -> dict[Endpoint, Example]:
    """Of the buyer's own photos; that a file is sent as a form is another test's."""
    own = f"/api/users/{user}/images"
    return {
        ("POST", "/api/users/{user_id}/images"): (own, {"event_id": str(event)}),
        ("GET", "/api/users/{user_id}/images"): (own, None),
        ("DELETE", "/api/users/{user_id}/images/{image_id}"): (f"{own}/{SOMETHING}", None),
        ("GET", "/api/events/{event_id}/images"): (f"/api/events/{event}/images", None),
        ("GET", "/api/venues/{venue_id}/images"): (f"/api/venues/{SOMETHING}/images", None),
        ("GET", "/api/artists/{artist_id}/images"): (f"/api/artists/{SOMETHING}/images", None),
        ("GET", "/api/images/{image_id}"): (f"/api/images/{SOMETHING}", None),
        ("GET", "/api/vendors/{vendor_id}/images"): (f"/api/vendors/{vendor}/images", None),
        ("POST", "/api/images/{image_id}/approve"): (f"/api/images/{SOMETHING}/approve", None),
        ("POST", "/api/images/{image_id}/reject"): (f"/api/images/{SOMETHING}/reject", None),
    }


PROMOTIONS: dict[Endpoint, Example] = {
    ("POST", "/api/promotions"): ("/api/promotions", {"code": "SPRING25", "kind": "percent", "percent": 25, "name": "Spring"}),
    ("GET", "/api/promotions"): ("/api/promotions", None),
    ("PATCH", "/api/promotions/{promotion_id}"): (f"/api/promotions/{SOMETHING}", {"ended": True}),
}


def package_examples(*, events: Mapping[UUID, UUID]) -> dict[Endpoint, Example]:
    """Of the vendor's events, by event a ticket type."""
    of = [{"event_id": str(event), "ticket_type_id": str(ticket_type)} for event, ticket_type in events.items()]
    return {
        ("POST", "/api/packages"): ("/api/packages", {"name": "Season 7", "percent": 20, "currency": "EUR", "events": of}),
        ("GET", "/api/packages"): ("/api/packages", None),
        ("GET", "/api/packages/{package_id}"): (f"/api/packages/{SOMETHING}", None),
        ("PATCH", "/api/packages/{package_id}"): (f"/api/packages/{SOMETHING}", {"ended": True}),
        ("POST", "/api/packages/{package_id}/orders"): (f"/api/packages/{SOMETHING}/orders", {"quantity": 1}),
    }


SEATING_PLAN = {
    "name": "Hall",
    "size": {"width": 8, "height": 6},
    "categories": [{"name": "Stalls", "color": "#1e7d3c"}],
    "zones": [
        {
            "name": "Stalls",
            "position": {"x": 0, "y": 0},
            "rows": [
                {
                    "row_number": "A",
                    "position": {"x": 0, "y": 0},
                    "seats": [{"seat_guid": "a-1", "seat_number": "1", "position": {"x": 0, "y": 0}, "category": "Stalls"}],
                }
            ],
        }
    ],
}
VENUES: dict[Endpoint, Example] = {
    ("GET", "/api/venues"): ("/api/venues", None),
    ("POST", "/api/venues"): ("/api/venues", {"name": "Town Hall", "city": "Berlin", "country": "DE", "zone": "Europe/Berlin"}),
    ("GET", "/api/venues/{venue_id}"): (f"/api/venues/{SOMETHING}", None),
    ("PATCH", "/api/venues/{venue_id}"): (f"/api/venues/{SOMETHING}", {"city": "Potsdam"}),
    ("POST", "/api/venues/{venue_id}/copy"): (f"/api/venues/{SOMETHING}/copy", {"name": "Another hall"}),
    ("GET", "/api/venues/{venue_id}/configurations"): (f"/api/venues/{SOMETHING}/configurations", None),
    ("POST", "/api/venues/{venue_id}/configurations"): (
        f"/api/venues/{SOMETHING}/configurations",
        {"name": "Floor standing", "kind": "mixed"},
    ),
    ("POST", "/api/configurations/{configuration_id}/layouts"): (f"/api/configurations/{SOMETHING}/layouts", SEATING_PLAN),
    ("GET", "/api/layouts/{layout_id}"): (f"/api/layouts/{SOMETHING}", None),
    ("PUT", "/api/layouts/{layout_id}"): (f"/api/layouts/{SOMETHING}", SEATING_PLAN),
    ("POST", "/api/layouts/{layout_id}/publish"): (f"/api/layouts/{SOMETHING}/publish", None),
    ("GET", "/api/events/{event_id}/reseatings"): (f"/api/events/{SOMETHING}/reseatings", None),
    ("POST", "/api/events/{event_id}/reseatings"): (f"/api/events/{SOMETHING}/reseatings", None),
    ("POST", "/api/reseatings/{reseating_id}/apply"): (f"/api/reseatings/{SOMETHING}/apply", None),
    ("POST", "/api/reseatings/{reseating_id}/refuse"): (f"/api/reseatings/{SOMETHING}/refuse", None),
}

EVENT = {
    "title": "Concert",
    "category": "concert",
    "local_start": "2030-03-20T20:00:00",
    "zone": "Europe/Berlin",
    "sales_open_at": "2029-03-20T20:00:00+01:00",
    "currency": "EUR",
    "tags": ["strings"],
    "artists": [{"name": "Ada Ensemble", "role": "ensemble"}],
    "prices": [{"category": "Stalls", "price": "45.00", "tax_rate_bps": 700}],
    "refund_policy": {"steps": [{"days_before": 7, "percent": 50}], "fee_refunded": False},
}


def vendor_examples(*, vendor: UUID) -> dict[Endpoint, Example]:
    """Of a vendor's own things."""
    return {
        ("GET", "/api/vendors/{vendor_id}/clients"): (f"/api/vendors/{vendor}/clients", None),
        ("POST", "/api/vendors/{vendor_id}/clients"): (
            f"/api/vendors/{vendor}/clients",
            {"name": "App", "confidential": False, "redirect_uris": ["https://app.example.org/back"], "scopes": ["events"]},
        ),
        ("DELETE", "/api/vendors/{vendor_id}/clients/{client_id}"): (f"/api/vendors/{vendor}/clients/{SOMETHING}", None),
        ("POST", "/api/oauth/token"): ("/api/oauth/token", None),
        ("POST", "/api/oauth/revoke"): ("/api/oauth/revoke", None),
        ("GET", "/api/oauth/{provider}/start"): ("/api/oauth/nobody/start", None),
        ("GET", "/api/oauth/{provider}/callback"): ("/api/oauth/nobody/callback", None),
        ("POST", "/api/events"): ("/api/events", EVENT | {"layout_id": str(SOMETHING)}),
        ("PUT", "/api/events/{event_id}"): (f"/api/events/{SOMETHING}", EVENT),
        ("PATCH", "/api/events/{event_id}"): (f"/api/events/{SOMETHING}", {"title": "Another concert", "public_at": None}),
        ("DELETE", "/api/events/{event_id}"): (f"/api/events/{SOMETHING}", None),
        ("POST", "/api/events/{event_id}/publish"): (f"/api/events/{SOMETHING}/publish", None),
        ("GET", "/api/vendors/{vendor_id}/events"): (f"/api/vendors/{vendor}/events", None),
        ("GET", "/api/vendors/{vendor_id}/events/{event_id}"): (f"/api/vendors/{vendor}/events/{SOMETHING}", None),
        ("GET", "/api/vendors/{vendor_id}/sales"): (f"/api/vendors/{vendor}/sales", None),
    }


def booking_examples(*, event: UUID, hold: UUID, order: UUID, payment: UUID, ticket: str) -> dict[Endpoint, Example]:
    """Of things that belong to the buyer."""
    return {
        ("GET", "/api/events"): ("/api/events", None),
        ("GET", "/api/events/{event_id}"): (f"/api/events/{event}", None),
        ("GET", "/api/events/{event_id}/tickets"): (f"/api/events/{event}/tickets", None),
        ("HEAD", "/api/events/{event_id}/tickets"): (f"/api/events/{event}/tickets", None),
        ("GET", "/api/events/{event_id}/seats"): (f"/api/events/{event}/seats", None),
        ("GET", "/api/events/{event_id}/seats/stream"): (f"/api/events/{SOMETHING}/seats/stream", None),  # one that ends
        ("POST", "/api/events/{id}/holds"): (f"/api/events/{event}/holds", {"seats": [0]}),
        ("GET", "/api/holds/{id}"): (f"/api/holds/{hold}", None),
        ("PATCH", "/api/holds/{id}"): (f"/api/holds/{hold}", None),
        ("DELETE", "/api/holds/{id}"): (f"/api/holds/{hold}", None),
        ("POST", "/api/orders"): ("/api/orders", {"hold_ids": [str(hold)]}),
        ("GET", "/api/orders"): ("/api/orders", None),
        ("GET", "/api/orders/{id}"): (f"/api/orders/{order}", None),
        ("DELETE", "/api/orders/{id}"): (f"/api/orders/{order}", None),
        ("POST", "/api/payments"): ("/api/payments", {"order_id": str(order)}),
        ("GET", "/api/payments/{id}"): (f"/api/payments/{payment}", None),
        ("POST", "/api/payments/webhooks/{provider}"): ("/api/payments/webhooks/nobody", {}),
        ("GET", "/api/tickets"): ("/api/tickets", None),
        ("GET", "/api/tickets/{ticket_id}"): (f"/api/tickets/{ticket}", None),
        ("HEAD", "/api/tickets/{ticket_id}"): (f"/api/tickets/{ticket}", None),
        ("GET", "/api/tickets/{ticket_id}/qr"): (f"/api/tickets/{ticket}/qr", None),
        ("GET", "/api/tickets/{ticket_id}/pdf"): (f"/api/tickets/{ticket}/pdf", None),
        ("GET", "/api/tickets/{ticket_id}/receipt"): (f"/api/tickets/{ticket}/receipt", None),
        ("DELETE", "/api/tickets/{ticket_id}"): (f"/api/tickets/{ticket}", None),
    }
