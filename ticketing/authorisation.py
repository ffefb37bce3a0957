"""Who may call what: every endpoint of the API, its roles, and whose rows they reach.

An endpoint that is missing here, or a rule without an endpoint, fails the start. Aliases have the rule of what they stand for.
Starting a payment, holding and the like are for whoever is signed in: a guest is a user without a password.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.routing import BaseRoute, Route

from ticketing.accounts.access import Endpoint, Reach, Role, Rule

ANYONE = frozenset({Role.ANYONE})
SIGNED_IN = frozenset({Role.BUYER})
MANAGERS = frozenset({Role.OWNER, Role.MANAGER})
MEMBERS = frozenset({Role.OWNER, Role.MANAGER, Role.FINANCE, Role.SUPPORT, Role.SCANNER})
OPERATORS = frozenset({Role.OPERATOR})

PUBLIC = Rule(ANYONE, Reach.PUBLIC)
OWN = Rule(SIGNED_IN, Reach.SELF)
"""A signed-in person's own things."""
MANAGERS_OF_VENDOR = Rule(MANAGERS, Reach.VENDOR)
MEMBERS_OF_VENDOR = Rule(MEMBERS, Reach.VENDOR)
FIGURES_OF_VENDOR = Rule(MANAGERS | {Role.FINANCE}, Reach.VENDOR)
OPERATORS_ONLY = Rule(OPERATORS, Reach.ALL)

ACCOUNTS = {
    ("POST", "/api/register"): PUBLIC,
    ("POST", "/api/login"): PUBLIC,
    ("POST", "/api/guests"): PUBLIC,
    ("POST", "/api/logout"): PUBLIC,
    ("POST", "/api/email-verifications"): PUBLIC,
    ("POST", "/api/email-verifications/confirm"): PUBLIC,
    ("POST", "/api/password-resets"): PUBLIC,
    ("POST", "/api/password-resets/confirm"): PUBLIC,
    ("GET", "/api/me"): OWN,
    ("GET", "/api/sessions"): OWN,
    ("DELETE", "/api/sessions"): OWN,
    ("DELETE", "/api/sessions/{session_id}"): OWN,
    ("POST", "/api/users/{user_id}/disable"): OPERATORS_ONLY,
    ("POST", "/api/users/{user_id}/enable"): OPERATORS_ONLY,
}

EVENTS = {
    ("GET", "/api/events"): PUBLIC,
    ("GET", "/api/events/{event_id}"): PUBLIC,
    ("GET", "/api/events/{event_id}/tickets"): PUBLIC,
    ("HEAD", "/api/events/{event_id}/tickets"): PUBLIC,
    ("GET", "/api/events/{event_id}/seats"): PUBLIC,
}

VENDOR_EVENTS = {
    ("POST", "/api/events"): MANAGERS_OF_VENDOR,
    ("PUT", "/api/events/{event_id}"): MANAGERS_OF_VENDOR,
    ("PATCH", "/api/events/{event_id}"): MANAGERS_OF_VENDOR,
    ("DELETE", "/api/events/{event_id}"): MANAGERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/publish"): MANAGERS_OF_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events"): MEMBERS_OF_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events/{event_id}"): MEMBERS_OF_VENDOR,
}

BOOKING = {
    ("POST", "/api/events/{id}/holds"): OWN,
    ("GET", "/api/holds/{id}"): OWN,
    ("PATCH", "/api/holds/{id}"): OWN,
    ("DELETE", "/api/holds/{id}"): OWN,
    ("POST", "/api/orders"): OWN,
    ("GET", "/api/orders"): OWN,
    ("GET", "/api/orders/{id}"): OWN,
    ("DELETE", "/api/orders/{id}"): OWN,
    ("POST", "/api/payments"): OWN,
    ("GET", "/api/payments/{id}"): OWN,
    ("POST", "/api/payments/webhooks/{provider}"): PUBLIC,
}

WAITING_ROOM = {
    ("POST", "/api/events/{id}/queue"): OWN,
    ("GET", "/api/queue/{token}"): PUBLIC,
    ("DELETE", "/api/queue/{token}"): PUBLIC,
    ("PUT", "/api/events/{event_id}/queue"): MANAGERS_OF_VENDOR,
    ("GET", "/api/events/{event_id}/queue"): MANAGERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/queue/pause"): MANAGERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/queue/resume"): MANAGERS_OF_VENDOR,
}
"""A place's token is what shows whose it is."""

PAYMENT_METHODS = {
    ("POST", "/api/payment-methods"): MANAGERS_OF_VENDOR,
    ("GET", "/api/payment-methods"): MANAGERS_OF_VENDOR,
    ("PUT", "/api/payment-methods/{method_id}"): MANAGERS_OF_VENDOR,
    ("DELETE", "/api/payment-methods/{method_id}"): MANAGERS_OF_VENDOR,
    ("POST", "/api/events/{event_id}/payment-methods"): MANAGERS_OF_VENDOR,
}

PROMOTIONS = {
    ("POST", "/api/promotions"): MANAGERS_OF_VENDOR,
    ("GET", "/api/promotions"): MANAGERS_OF_VENDOR,
    ("PATCH", "/api/promotions/{promotion_id}"): MANAGERS_OF_VENDOR,
}

REPORTS = {
    ("GET", "/api/vendors/{vendor_id}/sales"): FIGURES_OF_VENDOR,
}

TICKETS = {
    ("GET", "/api/tickets"): OWN,
    ("GET", "/api/tickets/{ticket_id}"): OWN,
    ("HEAD", "/api/tickets/{ticket_id}"): OWN,
    ("GET", "/api/tickets/{ticket_id}/qr"): OWN,
}

WEBHOOKS = {
    ("POST", "/api/webhooks"): MANAGERS_OF_VENDOR,
    ("GET", "/api/webhooks"): MANAGERS_OF_VENDOR,
    ("DELETE", "/api/webhooks/{webhook_id}"): MANAGERS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/secret"): MANAGERS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/enable"): MANAGERS_OF_VENDOR,
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): MANAGERS_OF_VENDOR,
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): MANAGERS_OF_VENDOR,
}

RULES: Mapping[Endpoint, Rule] = {
    **ACCOUNTS,
    **EVENTS,
    **VENDOR_EVENTS,
    **BOOKING,
    **PAYMENT_METHODS,
    **PROMOTIONS,
    **REPORTS,
    **WAITING_ROOM,
    **TICKETS,
    **WEBHOOKS,
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
