"""What the examples of the OpenAPI document hold: bodies that are sent, and values by the names of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ticketing.foundation.openapi_examples import Values

WHEN = "2027-03-01T08:00:00Z"
BY_NAME: Mapping[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl",
    "answer": "ok",
    "as_of": WHEN,
    "ask_again_seconds": 5,
    "available": 118,
    "capacity": 150,
    "category": "concert",
    "city": "Berlin",
    "code": "7GK4PW2M",
    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "country": "DE",
    "created_at": WHEN,
    "currency": "EUR",
    "days_before": 7,
    "detail": "If we know this address, a mail is on its way.",
    "discount_minor": 0,
    "display_name": "Ada",
    "email": "ada@example.org",
    "ended_at": None,
    "event_title": "Evening concert",
    "expires_at": "2027-03-01T08:10:00Z",
    "expires_in": 600,
    "failures_in_row": 0,
    "fee_minor": 150,
    "grant_type": "refresh_token",
    "host": "push.example.org",
    "id": "1",
    "instructions": "",
    "label": "Card",
    "line_no": 1,
    "link": "https://tickets.example.org/go/8XH3TQ5N",
    "link_code": "8XH3TQ5N",
    "locale": "en_GB",
    "name": "Stalls",
    "next_cursor": None,
    "order_code": "7GK4PW2M",
    "password": "correct horse battery",
    "payment_state": "created",
    "percent": 50,
    "price": "45.00",
    "provider_ref": "ses_5TQ8XH3N",
    "providers": ["fake"],
    "qr_text": "T1.AEBAGBAFAYDQQCIKBMGA2DQPCAIREEYU",
    "redirect_uri": "https://app.example.org/back",
    "redirect_url": "https://pay.example.org/pay/ses_5TQ8XH3N",
    "refresh_token": "kq3W0n8V5vN2m1b7Xc4z",
    "refund_minor": 4500,
    "refunded_minor": 0,
    "row_label": "C",
    "scope": "buy",
    "seat_label": "12",
    "seat_no": 12,
    "secret": "whsec_q83vEjRWeJCrze8SNFZ4kA",
    "section_name": "Stalls",
    "settlement": "confirmed",
    "slug": "opera-house",
    "state": None,
    "status": None,
    "tax_minor": 294,
    "ticket_code": "7GK4PW2M-1",
    "ticket_type_name": "Stalls",
    "title": "Evening concert",
    "token": "kq3W0n8V5vN2m1b7Xc4zL9s6D5f4g3h2",
    "token_type": "Bearer",
    "total_minor": 4650,
    "url": "https://hooks.example.org/ticketing",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "vendor_name": "Opera House",
    "venue_name": "Great Hall",
    "version": 3,
    "zone": "Europe/Berlin",
}
"""One word has one meaning, so one value does."""
BY_FIELD: Mapping[str, Any] = {
    "AttemptView.status": 200,
    "BilledArtist.name": "Ada Ensemble",
    "BilledArtist.role": "ensemble",
    "ClientView.name": "Box office app",
    "Channels.email": True,
    "Channels.push": True,
    "EndpointView.events": ["order.confirmed"],
    "EventView.description": "Two hours, with an interval.",
    "HoldView.extended_at": None,
    "HoldView.order_id": None,
    "HoldLineView.pool_id": None,
    "Membership.name": "Opera House",
    "OrderLineView.ticket_code": None,
    "OrderLineView.ticket_id": None,
    "OrderView.confirmed_at": None,
    "Preferences.kinds": {"your_turn": True},
    "ProfileView.new_email": None,
    "SectionView.kind": "seated",
    "SectionView.pool_id": None,
    "SeatView.state": "free",
    "SignedIn.scopes": None,
}

EVENT = {
    "title": "Evening concert",
    "category": "concert",
    "tags": ["strings"],
    "local_start": "2027-03-20T20:00:00",
    "zone": "Europe/Berlin",
    "sales_open_at": "2027-01-10T09:00:00+01:00",
    "currency": "EUR",
    "refund_policy": {"steps": [{"days_before": 7, "percent": 50}], "fee_refunded": False},
    "artists": [{"name": "Ada Ensemble", "role": "ensemble"}],
    "prices": [{"category": "Stalls", "price": "45.00", "tax_rate_bps": 700}],
}
POOL = "0198f3a2-6a10-7c44-9d1e-3f6f0d1b2c3d"
LAYOUT = "0198f3a2-7b21-7d55-8e2f-4a7b1e2c3d4e"
HELD_EVENT = "0198f3a2-5b6c-7d8e-9f00-1a2b3c4d5e6f"
BODIES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "HoldBody": ({"seats": [12, 13]}, {"places": [{"pool_id": POOL, "quantity": 2}]}, {"best": {"quantity": 2}}),
    "BookingHereBody": ({"seats": [12, 13]}, {"places": [{"pool_id": POOL, "quantity": 2}]}, {"best": {"quantity": 2}}),
    "BookingBody": ({"event_id": HELD_EVENT, "seats": [12, 13]}, {"event_id": HELD_EVENT, "best": {"quantity": 2}}),
    "EnterBody": ({"tell": True},),
    "EventBody": (EVENT,),
    "NewEvent": (EVENT | {"layout_id": LAYOUT},),
    "EventChanges": ({"title": "Another concert"}, {"local_start": "2027-03-21T20:00:00", "zone": "Europe/Berlin"}),
    "NewPaymentMethod": (
        {"kind": "card", "provider": "fake", "account_ref": "acct_example", "label": "Card"},
        {"kind": "cash", "label": "Cash", "instructions": "At the door, from seven."},
    ),
    "PromotionBody": (
        {"code": "SPRING25", "kind": "percent", "percent": 25, "name": "Spring newsletter"},
        {"code": "TENLESS", "kind": "amount", "amount": "10.00", "currency": "EUR"},
    ),
    "NewPreferences": ({"kinds": {"your_turn": True}, "quiet_hours": {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}},),
    "NewPushSubscription": (
        {
            "endpoint": "https://push.example.org/send/4f2a",
            "keys": {
                "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
                "auth": "AAAAAAAAAAAAAAAAAAAAAA",
            },
        },
    ),
    "Body_give_token_api_oauth_token_post": (
        {
            "grant_type": "authorization_code",
            "client_id": HELD_EVENT,
            "code": "kq3W0n8V5vN2m1b7Xc4z",
            "redirect_uri": "https://app.example.org/back",
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        },
        {"grant_type": "refresh_token", "client_id": HELD_EVENT, "refresh_token": "kq3W0n8V5vN2m1b7Xc4z"},
        {"grant_type": "client_credentials", "client_id": HELD_EVENT, "client_secret": "s3cr3t-0f-th3-pr0gram", "scope": "events sales"},
    ),
    "Body_revoke_token_api_oauth_revoke_post": ({"token": "kq3W0n8V5vN2m1b7Xc4z", "client_id": HELD_EVENT},),
}
"""Of what is sent, where a field's own examples would not make a body that is accepted, or there are several ways."""

VALUES = Values(by_schema=BODIES, by_field=BY_FIELD, by_name=BY_NAME)
