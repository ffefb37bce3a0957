"""Who may call what: every endpoint of the API, its roles, and whose rows they reach.

An endpoint that is missing here, or a rule without an endpoint, fails the start. Aliases have the rule of what they stand for.
A scope is what an access token must be good for; without one only sessions may. Starting a payment, holding and the like are for
whoever is signed in: a guest is a user without a password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.routing import BaseRoute, Route

from ticketing.accounts.access import Endpoint, Reach, Role, Rule
from ticketing.accounts.access_tokens import Scope

ANYONE = frozenset({Role.ANYONE})
SIGNED_IN = frozenset({Role.BUYER})
OWNERS = frozenset({Role.OWNER})
MANAGERS = frozenset({Role.OWNER, Role.MANAGER})
MEMBERS = frozenset({Role.OWNER, Role.MANAGER, Role.FINANCE, Role.SUPPORT, Role.SCANNER})
OPERATORS = frozenset({Role.OPERATOR})

PUBLIC = Rule(ANYONE, Reach.PUBLIC)
OWN = Rule(SIGNED_IN, Reach.SELF)
"""A signed-in person's own things."""
WEBHOOKS_OF_VENDOR = Rule(MANAGERS, Reach.VENDOR, Scope.WEBHOOKS)
MEMBERS_OF_VENDOR = Rule(MEMBERS, Reach.VENDOR, Scope.EVENTS)
BUYING = Rule(SIGNED_IN, Reach.SELF, Scope.BUY)
EVENTS_OF_VENDOR = Rule(MANAGERS, Reach.VENDOR, Scope.EVENTS)
OWNERS_OF_VENDOR = Rule(OWNERS, Reach.VENDOR)
PROFILE = Rule(SIGNED_IN, Reach.SELF, Scope.PROFILE)
COUNTER_OF_VENDOR = Rule(MANAGERS | {Role.SUPPORT}, Reach.VENDOR)
"""Who sells at the door: a person, for it is them that the till is counted with."""
MANAGERS_OF_VENDOR = Rule(MANAGERS, Reach.VENDOR)
PHOTOS_OF_VENDOR = Rule(MANAGERS | {Role.SUPPORT}, Reach.VENDOR, Scope.EVENTS)
FIGURES_OF_VENDOR = Rule(MANAGERS | {Role.FINANCE}, Reach.VENDOR, Scope.SALES)
OPERATORS_ONLY = Rule(OPERATORS, Reach.ALL)

ACCOUNTS = {
    ("POST", "/api/register"): PUBLIC,
    ("POST", "/api/login"): PUBLIC,
    ("POST", "/api/guests"): PUBLIC,
    ("POST", "/api/logout"): PUBLIC,
    ("POST", "/api/email-verifications"): PUBLIC,
    ("POST", "/api/email-verifications/confirm"): PUBLIC,
    ("POST", "/api/order-lookups"): PUBLIC,
    ("POST", "/api/password-resets"): PUBLIC,
    ("POST", "/api/password-resets/confirm"): PUBLIC,
    ("GET", "/api/me"): PROFILE,
    ("GET", "/api/sessions"): OWN,
    ("DELETE", "/api/sessions"): OWN,
    ("DELETE", "/api/sessions/{session_id}"): OWN,
    ("POST", "/api/users/{user_id}/disable"): OPERATORS_ONLY,
    ("POST", "/api/users/{user_id}/enable"): OPERATORS_ONLY,
}

OAUTH = {
    ("GET", "/api/vendors/{vendor_id}/clients"): OWNERS_OF_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/clients"): OWNERS_OF_VENDOR,
    ("DELETE", "/api/vendors/{vendor_id}/clients/{client_id}"): OWNERS_OF_VENDOR,
    ("POST", "/api/oauth/token"): PUBLIC,
    ("POST", "/api/oauth/revoke"): PUBLIC,
    ("GET", "/api/oauth/{provider}/start"): PUBLIC,
    ("GET", "/api/oauth/{provider}/callback"): PUBLIC,
}

PEOPLE = {
    ("GET", "/api/users/{user_id}"): PROFILE,
    ("PUT", "/api/users/{user_id}"): OWN,
    ("POST", "/api/email-changes/confirm"): PUBLIC,
    ("GET", "/api/vendors/{vendor_id}/members"): MANAGERS_OF_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/members"): OWNERS_OF_VENDOR,
    ("PUT", "/api/vendors/{vendor_id}/members/{user_id}"): OWNERS_OF_VENDOR,
    ("DELETE", "/api/vendors/{vendor_id}/members/{user_id}"): OWNERS_OF_VENDOR,
    ("GET", "/api/preferences"): OWN,
    ("PUT", "/api/preferences"): OWN,
    ("POST", "/api/push-subscriptions"): OWN,
    ("GET", "/api/push-subscriptions"): OWN,
    ("DELETE", "/api/push-subscriptions/{push_subscription_id}"): OWN,
}

PRIVACY = {
    ("GET", "/api/users/{user_id}/export"): OWN,
    ("DELETE", "/api/users/{user_id}"): Rule(SIGNED_IN | OPERATORS, Reach.SELF),
}
"""Operators erase guests, too."""

EVENTS = {
    ("GET", "/api/events"): PUBLIC,
    ("GET", "/api/events/{event_id}"): PUBLIC,
    ("GET", "/api/events/{event_id}/tickets"): PUBLIC,
    ("HEAD", "/api/events/{event_id}/tickets"): PUBLIC,
    ("GET", "/api/events/{event_id}/seats"): PUBLIC,
    ("GET", "/api/events/{event_id}/seats/stream"): PUBLIC,
}

VENDOR_EVENTS = {
    ("POST", "/api/events"): EVENTS_OF_VENDOR,
    ("PUT", "/api/events/{event_id}"): EVENTS_OF_VENDOR,
    ("PATCH", "/api/events/{event_id}"): EVENTS_OF_VENDOR,
    ("DELETE", "/api/events/{event_id}"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/publish"): EVENTS_OF_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events"): MEMBERS_OF_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events/{event_id}"): MEMBERS_OF_VENDOR,
}

EVENT_LIFE = {
    ("POST", "/api/events/{event_id}/close-sales"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/reopen-sales"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/postpone"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/clone"): EVENTS_OF_VENDOR,
    ("GET", "/api/events/{event_id}/ticket-types"): MEMBERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/blocks"): EVENTS_OF_VENDOR,
    ("GET", "/api/events/{event_id}/blocks"): MEMBERS_OF_VENDOR,
    ("DELETE", "/api/events/{event_id}/blocks"): EVENTS_OF_VENDOR,
    ("DELETE", "/api/events/{event_id}/blocks/{block_id}"): EVENTS_OF_VENDOR,
    ("PATCH", "/api/events/{event_id}/ticket-types/{ticket_type_id}"): EVENTS_OF_VENDOR,
}

STAFF_SALES = {
    ("POST", "/api/box-office/orders"): COUNTER_OF_VENDOR,
    ("GET", "/api/box-office/orders/{order_id}/pdf"): COUNTER_OF_VENDOR,
    ("POST", "/api/events/{event_id}/complimentary"): MANAGERS_OF_VENDOR,
}

BOOKING = {
    ("POST", "/api/events/{id}/holds"): BUYING,
    ("GET", "/api/holds/{id}"): BUYING,
    ("PATCH", "/api/holds/{id}"): BUYING,
    ("DELETE", "/api/holds/{id}"): BUYING,
    ("POST", "/api/orders"): BUYING,
    ("GET", "/api/orders"): BUYING,
    ("GET", "/api/orders/{id}"): BUYING,
    ("DELETE", "/api/orders/{id}"): BUYING,
    ("POST", "/api/payments"): BUYING,
    ("GET", "/api/payments/{id}"): BUYING,
    ("POST", "/api/payments/webhooks/{provider}"): PUBLIC,
}

WAITING_ROOM = {
    ("POST", "/api/events/{id}/queue"): BUYING,
    ("GET", "/api/queue/{token}"): PUBLIC,
    ("DELETE", "/api/queue/{token}"): PUBLIC,
    ("PUT", "/api/events/{event_id}/queue"): EVENTS_OF_VENDOR,
    ("GET", "/api/events/{event_id}/queue"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/queue/pause"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/queue/resume"): EVENTS_OF_VENDOR,
}
"""A place's token is what shows whose it is."""

WAITING_LIST = {
    ("POST", "/api/events/{event_id}/waiting-list"): BUYING,
    ("GET", "/api/waiting-list"): BUYING,
    ("DELETE", "/api/waiting-list/{entry_id}"): BUYING,
}

PAYMENT_METHODS = {
    ("POST", "/api/payment-methods"): MANAGERS_OF_VENDOR,
    ("GET", "/api/payment-methods"): MANAGERS_OF_VENDOR,
    ("PUT", "/api/payment-methods/{method_id}"): MANAGERS_OF_VENDOR,
    ("DELETE", "/api/payment-methods/{method_id}"): MANAGERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/payment-methods"): MANAGERS_OF_VENDOR,
}

PHOTOS = {
    ("POST", "/api/users/{user_id}/images"): PROFILE,
    ("GET", "/api/users/{user_id}/images"): PROFILE,
    ("DELETE", "/api/users/{user_id}/images/{image_id}"): PROFILE,
    ("GET", "/api/events/{event_id}/images"): PUBLIC,
    ("GET", "/api/venues/{venue_id}/images"): PUBLIC,
    ("GET", "/api/artists/{artist_id}/images"): PUBLIC,
    ("GET", "/api/images/{image_id}"): PUBLIC,
    ("GET", "/api/vendors/{vendor_id}/images"): MEMBERS_OF_VENDOR,
    ("POST", "/api/images/{image_id}/approve"): PHOTOS_OF_VENDOR,
    ("POST", "/api/images/{image_id}/reject"): PHOTOS_OF_VENDOR,
}
"""A photo that is not approved is for its sender and its vendor's members alone: its route looks who asks."""

PROMOTIONS = {
    ("POST", "/api/promotions"): EVENTS_OF_VENDOR,
    ("GET", "/api/promotions"): EVENTS_OF_VENDOR,
    ("PATCH", "/api/promotions/{promotion_id}"): EVENTS_OF_VENDOR,
}

PACKAGES = {
    ("POST", "/api/packages"): EVENTS_OF_VENDOR,
    ("GET", "/api/packages"): EVENTS_OF_VENDOR,
    ("GET", "/api/packages/{package_id}"): PUBLIC,
    ("PATCH", "/api/packages/{package_id}"): EVENTS_OF_VENDOR,
    ("POST", "/api/packages/{package_id}/orders"): BUYING,
}

RECOMMENDATIONS = {
    ("GET", "/api/recommendations"): PROFILE,
    ("POST", "/api/recommendations/opt-out"): PROFILE,
    ("DELETE", "/api/recommendations/opt-out"): PROFILE,
}

REPORTS = {
    ("GET", "/api/vendors/{vendor_id}/sales"): FIGURES_OF_VENDOR,
}

TICKETS = {
    ("GET", "/api/tickets"): BUYING,
    ("GET", "/api/tickets/{ticket_id}"): BUYING,
    ("HEAD", "/api/tickets/{ticket_id}"): BUYING,
    ("GET", "/api/tickets/{ticket_id}/qr"): BUYING,
    ("GET", "/api/tickets/{ticket_id}/pdf"): BUYING,
    ("GET", "/api/tickets/{ticket_id}/receipt"): BUYING,
    ("DELETE", "/api/tickets/{ticket_id}"): BUYING,
}

WEBHOOKS = {
    ("POST", "/api/webhooks"): WEBHOOKS_OF_VENDOR,
    ("GET", "/api/webhooks"): WEBHOOKS_OF_VENDOR,
    ("DELETE", "/api/webhooks/{webhook_id}"): WEBHOOKS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/secret"): WEBHOOKS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/enable"): WEBHOOKS_OF_VENDOR,
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): WEBHOOKS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): WEBHOOKS_OF_VENDOR,
}

VENUES = {
    ("GET", "/api/venues"): MEMBERS_OF_VENDOR,
    ("POST", "/api/venues"): EVENTS_OF_VENDOR,
    ("GET", "/api/venues/{venue_id}"): MEMBERS_OF_VENDOR,
    ("PATCH", "/api/venues/{venue_id}"): EVENTS_OF_VENDOR,
    ("POST", "/api/venues/{venue_id}/copy"): EVENTS_OF_VENDOR,
    ("GET", "/api/venues/{venue_id}/configurations"): MEMBERS_OF_VENDOR,
    ("POST", "/api/venues/{venue_id}/configurations"): EVENTS_OF_VENDOR,
    ("POST", "/api/configurations/{configuration_id}/layouts"): EVENTS_OF_VENDOR,
    ("GET", "/api/layouts/{layout_id}"): MEMBERS_OF_VENDOR,
    ("PUT", "/api/layouts/{layout_id}"): EVENTS_OF_VENDOR,
    ("POST", "/api/layouts/{layout_id}/publish"): EVENTS_OF_VENDOR,
    ("GET", "/api/events/{event_id}/reseatings"): EVENTS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/reseatings"): EVENTS_OF_VENDOR,
    ("POST", "/api/reseatings/{reseating_id}/apply"): EVENTS_OF_VENDOR,
    ("POST", "/api/reseatings/{reseating_id}/refuse"): EVENTS_OF_VENDOR,
}

RULES: Mapping[Endpoint, Rule] = {
    **ACCOUNTS,
    **OAUTH,
    **PEOPLE,
    **PRIVACY,
    **EVENTS,
    **VENDOR_EVENTS,
    **EVENT_LIFE,
    **STAFF_SALES,
    **BOOKING,
    **PAYMENT_METHODS,
    **PHOTOS,
    **PROMOTIONS,
    **PACKAGES,
    **RECOMMENDATIONS,
    **REPORTS,
    **WAITING_ROOM,
    **WAITING_LIST,
    **TICKETS,
    **WEBHOOKS,
    **VENUES,
}


def endpoints(routes: Iterable[BaseRoute]) -> set[Endpoint]:
    """Method and path of every route of the API."""
    return {(method, route.path) for route in routes if isinstance(route, Route) for method in route.methods or ()}


def check_rules(routes: Iterable[BaseRoute], rules: Mapping[Endpoint, Rule]) -> None:
    """Raises `RuntimeError` when an endpoint has no rule, or a rule no endpoint.

    Starlette answers HEAD wherever GET is answered: the rule of GET serves.
    """
    found = endpoints(routes)
    missing = {e for e in found if e not in rules and not (e[0] == "HEAD" and ("GET", e[1]) in rules)}
    if missing or rules.keys() - found:
        raise RuntimeError(f"endpoints without a rule: {sorted(missing)}; rules without an endpoint: {sorted(rules.keys() - found)}")
