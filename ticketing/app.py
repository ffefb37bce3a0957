"""The composition root of the HTTP process: storefront and API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ticketing.accounts.access import Role, authorise
from ticketing.accounts.access_tokens import AccessTokens
from ticketing.accounts.contact import ContactCipher
from ticketing.accounts.http import SameOriginOnly
from ticketing.accounts.link_routes import router as links_router
from ticketing.accounts.links import LinkSigner
from ticketing.accounts.member_routes import router as members_router
from ticketing.accounts.oauth_routes import router as oauth_router
from ticketing.accounts.oauth_routes import well_known
from ticketing.accounts.passwords import HashingLane
from ticketing.accounts.profile_routes import router as profiles_router
from ticketing.accounts.routes import router as accounts_router
from ticketing.accounts.social import JourneyCookie, sign_in_providers
from ticketing.accounts.social_routes import router as social_router
from ticketing.aliases import alias_router, with_aliases
from ticketing.aliases import describe as describe_aliases
from ticketing.authorisation import RULES, check_rules
from ticketing.catalog import browse
from ticketing.catalog.payment_routes import router as payment_methods_router
from ticketing.edge import ApiCors, Edge
from ticketing.foundation.access_log import AccessLog
from ticketing.foundation.cache import AnswerCache
from ticketing.foundation.db import Database
from ticketing.foundation.http import install_problems
from ticketing.foundation.limits import Limits
from ticketing.foundation.metrics import Metrics
from ticketing.foundation.openapi import document_answers
from ticketing.foundation.openapi_links import add_links
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import Settings, load_settings
from ticketing.health import add_health
from ticketing.inventory import seat_routes
from ticketing.inventory.routes import router as events_router
from ticketing.inventory.seat_viewers import SeatMaps
from ticketing.inventory.vendor_routes import router as own_events_router
from ticketing.messages.preferences import UnsubscribeSigner
from ticketing.messages.routes import router as preferences_router
from ticketing.orders import routes as order_routes
from ticketing.orders.booking import Booking
from ticketing.orders.seat_changes import find_seats, noting
from ticketing.orders.ticket_routes import router as ticket_orders_router
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import PaymentProvider
from ticketing.promotions.routes import router as promotions_router
from ticketing.reports.routes import router as sales_router
from ticketing.storefront.pages import STATIC, static_files
from ticketing.storefront.pages import router as storefront_router
from ticketing.storefront.problems import install_pages
from ticketing.tickets.qr import TicketSigner
from ticketing.tickets.routes import router as tickets_router
from ticketing.waitingroom.places import Places
from ticketing.waitingroom.routes import router as queues_router
from ticketing.waitingroom.tokens import PlaceSigner
from ticketing.waitingroom.watch import QueueWatch
from ticketing.webhooks_out.routes import router as webhooks_router

API_ROUTERS = (
    accounts_router,
    links_router,
    oauth_router,
    social_router,
    profiles_router,
    members_router,
    preferences_router,
    events_router,
    own_events_router,
    queues_router,
    tickets_router,
    ticket_orders_router,
    payment_methods_router,
    promotions_router,
    sales_router,
    webhooks_router,
)
"""Each with its whole path, `/api` included: that is what its rules are found by."""
PLAIN_ROUTES = (*seat_routes.routes, *order_routes.routes)
"""The hottest ones, without FastAPI."""


def providers_of(settings: Settings) -> dict[str, PaymentProvider]:
    """The payment providers this installation can reach."""
    if settings.fake_provider_url is None:
        return {}
    secrets = settings.secrets
    return {
        "fake": FakeClient(
            base_url=settings.fake_provider_url,
            api_key=secrets.fake_provider_api_key,
            webhook_secrets=secrets.fake_provider_webhook_secrets,
        )
    }


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application on a database that has been prepared."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.booking.start()
        app.state.seat_maps.start()
        app.state.places.watch.start()
        yield
        await run_in_threadpool(app.state.places.watch.stop)
        await run_in_threadpool(app.state.booking.stop)
        await app.state.seat_maps.stop()
        app.state.access_log.flush()
        app.state.hashing.close()
        for provider in providers.values():
            await provider.close()
        database.dispose()

    providers = providers_of(settings)
    app = FastAPI(title="Ticketing", version="1", lifespan=lifespan, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.database = database
    app.state.access_tokens = AccessTokens.from_settings(settings)
    app.state.seat_maps = _seat_maps(settings, database)
    app.state.booking = Booking(database, providers, access_tokens=app.state.access_tokens, after_commit=noting(app.state.seat_maps.note))
    app.state.places = Places(database, QueueWatch(database), PlaceSigner.from_secrets(settings.secrets))
    app.state.hashing = HashingLane()
    app.state.limits = Limits(settings.redis_url)
    app.state.answers = AnswerCache(settings.redis_url, seconds=browse.STAMP_SECONDS)
    app.state.section_answers = AnswerCache(seconds=1.0)
    app.state.metrics = Metrics()
    app.state.access_log = AccessLog(settings.access_log_path)
    app.state.cipher = ContactCipher.from_settings(settings)
    app.state.signer = TicketSigner.from_secrets(settings.secrets)
    app.state.sign_in_providers = sign_in_providers(settings)
    app.state.journeys = JourneyCookie(settings.secrets.derive("sign-in-journey"))
    app.state.grants = LinkSigner(settings.secrets.derive("oauth-grant"))
    app.state.links = LinkSigner.from_secrets(settings.secrets)
    app.state.unsubscribing = UnsubscribeSigner.from_secrets(settings.secrets)
    app.state.digest_key = settings.secrets.bytes_of("request_digest_key")
    install_problems(app)
    install_pages(app)
    app.router.routes.extend(PLAIN_ROUTES)
    api_routes = [*PLAIN_ROUTES, *(route for router in API_ROUTERS for route in router.routes)]
    aliases = alias_router(api_routes)
    for router in (*API_ROUTERS, aliases):
        app.include_router(router, dependencies=[Depends(authorise)])
    app.state.rules = with_aliases(RULES)
    check_rules([*api_routes, *aliases.routes], app.state.rules)
    app.include_router(storefront_router, include_in_schema=False)
    app.mount(STATIC, static_files)
    app.include_router(well_known)
    add_health(app)
    _document(app)
    app.add_middleware(SameOriginOnly, let_in=settings.allowed_origins)
    if settings.allowed_origins:
        app.add_middleware(ApiCors, origins=settings.allowed_origins)
    plain = {route.endpoint: route.path for route in PLAIN_ROUTES} | {static_files: STATIC}
    app.add_middleware(Edge, public_url=settings.public_url, metrics=app.state.metrics, access_log=app.state.access_log, plain=plain)
    return app


def _seat_maps(settings: Settings, database: Database) -> SeatMaps:
    return SeatMaps(database, find_seats, per_address=settings.seat_streams_per_address, per_process=settings.seat_streams_per_process)


def create_served_app() -> FastAPI:
    """What `ticketing serve` runs in each process; refuses a database that is not fit to be served from."""
    settings = load_settings()
    database = Database.from_settings(settings)
    check_serving(database)
    return create_app(settings, database)


def _document(app: FastAPI) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            order_routes.describe(document)
            seat_routes.describe(document)
            describe_aliases(document)
            document_answers(document, public={endpoint for endpoint, rule in app.state.rules.items() if Role.ANYONE in rule.roles})
            add_links(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(_docs_page(app.openapi()), media_type="text/html")


def _docs_page(document: dict[str, Any]) -> str:
    """A plain page of all endpoints: nothing is fetched from outside, as the usual documentation pages do."""
    rows = "".join(
        f"<tr><td><code>{method.upper()}</code></td><td><code>{path}</code></td><td>{operation.get('summary', '')}</td></tr>"
        for path, operations in sorted(document["paths"].items())
        for method, operation in operations.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>API</title>'
        f'<link rel="stylesheet" href="{STATIC}/shop.css"><main class="page"><h1>API</h1>'
        '<p>The machine-readable description is <a href="/api/openapi.json">/api/openapi.json</a>.</p>'
        f"<table>{rows}</table></main></html>"
    )
