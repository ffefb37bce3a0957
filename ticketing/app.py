"""The composition root of the HTTP process: storefront and API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State

from ticketing.accounts.access import authorise
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
from ticketing.aliases import ADAPTERS, alias_router, with_aliases
from ticketing.authorisation import RULES, check_rules
from ticketing.catalog import browse
from ticketing.catalog.payment_routes import router as payment_methods_router
from ticketing.catalog.venue_routes import router as venues_router
from ticketing.description import document
from ticketing.edge import ApiCors, Edge
from ticketing.foundation.access_log import AccessLog
from ticketing.foundation.cache import AnswerCache
from ticketing.foundation.db import Database
from ticketing.foundation.http import Json, install_problems
from ticketing.foundation.leader import Leader
from ticketing.foundation.limits import Limits
from ticketing.foundation.metrics import Metrics
from ticketing.foundation.schema import check_serving
from ticketing.foundation.settings import Settings, load_settings
from ticketing.foundation.shared_look import SharedLook
from ticketing.health import add_health
from ticketing.inventory import seat_routes
from ticketing.inventory.block_routes import router as blocks_router
from ticketing.inventory.life_routes import router as event_life_router
from ticketing.inventory.routes import router as events_router
from ticketing.inventory.seat_viewers import SeatMaps
from ticketing.inventory.vendor_routes import router as own_events_router
from ticketing.messages.preferences import UnsubscribeSigner
from ticketing.messages.routes import router as preferences_router
from ticketing.orders import routes as order_routes
from ticketing.orders.booking import Booking
from ticketing.orders.eager import Eager
from ticketing.orders.package_routes import router as package_orders_router
from ticketing.orders.seat_changes import find_seats, noting
from ticketing.orders.staff_routes import router as staff_sales_router
from ticketing.orders.ticket_routes import router as ticket_orders_router
from ticketing.packages.routes import router as packages_router
from ticketing.payments.fake import FakeClient
from ticketing.payments.providers import PaymentProvider
from ticketing.photos.encode import photo_lane
from ticketing.photos.routes import router as photos_router
from ticketing.photos.store import PhotoStore
from ticketing.privacy.routes import router as privacy_router
from ticketing.promotions.routes import router as promotions_router
from ticketing.recommendations.popular import PopularShelf
from ticketing.recommendations.routes import router as recommendations_router
from ticketing.reports.routes import router as sales_router
from ticketing.reseating.routes import router as reseating_router
from ticketing.storefront.pages import STATIC, static_files
from ticketing.storefront.pages import router as storefront_router
from ticketing.storefront.problems import install_pages
from ticketing.tickets.qr import TicketSigner
from ticketing.tickets.routes import router as tickets_router
from ticketing.waitinglist.offer import offer_everywhere
from ticketing.waitinglist.routes import router as waiting_list_router
from ticketing.waitingroom.clone_routes import router as clones_router
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
    event_life_router,
    blocks_router,
    clones_router,
    queues_router,
    waiting_list_router,
    tickets_router,
    ticket_orders_router,
    staff_sales_router,
    payment_methods_router,
    privacy_router,
    photos_router,
    promotions_router,
    packages_router,
    package_orders_router,
    sales_router,
    recommendations_router,
    webhooks_router,
    venues_router,
    reseating_router,
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


def equip(state: State, settings: Settings, database: Database, providers: Mapping[str, PaymentProvider]) -> None:
    """What endpoints find in `request.app.state`."""
    state.settings = settings
    state.database = database
    state.access_tokens = AccessTokens.from_settings(settings)
    state.seat_maps = SeatMaps(
        database, find_seats, per_address=settings.seat_streams_per_address, per_process=settings.seat_streams_per_process
    )
    state.booking = Booking(database, providers, access_tokens=state.access_tokens, after_commit=noting(state.seat_maps.note))
    state.places = Places(state.booking.read_turn, QueueWatch(database), PlaceSigner.from_secrets(settings.secrets))
    state.waiting_lists = Leader(database, name="waiting_lists", step=partial(offer_everywhere, database))
    state.hashing = HashingLane()
    state.photo_lane = photo_lane()
    state.photos = PhotoStore(settings.photos_path)
    state.limits = Limits(settings.redis_url)
    state.answers = AnswerCache(settings.redis_url, seconds=browse.STAMP_SECONDS)
    state.popular = PopularShelf(database)
    state.section_answers = AnswerCache(seconds=1.0)
    state.availability = SharedLook()
    state.eager = Eager()
    state.metrics = Metrics()
    state.access_log = AccessLog(settings.access_log_path)
    state.cipher = ContactCipher.from_settings(settings)
    state.signer = TicketSigner.from_secrets(settings.secrets)
    state.sign_in_providers = sign_in_providers(settings)
    state.journeys = JourneyCookie(settings.secrets.derive("sign-in-journey"))
    state.grants = LinkSigner(settings.secrets.derive("oauth-grant"))
    state.links = LinkSigner.from_secrets(settings.secrets)
    state.unsubscribing = UnsubscribeSigner.from_secrets(settings.secrets)
    state.digest_key = settings.secrets.bytes_of("request_digest_key")


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application on a database that has been prepared."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.booking.start()
        app.state.seat_maps.start()
        app.state.places.watch.start()
        app.state.waiting_lists.start()
        yield
        await run_in_threadpool(app.state.waiting_lists.stop)
        await run_in_threadpool(app.state.places.watch.stop)
        await run_in_threadpool(app.state.booking.stop)
        await app.state.seat_maps.stop()
        app.state.access_log.flush()
        app.state.hashing.close()
        app.state.photo_lane.close()
        for provider in providers.values():
            await provider.close()
        database.dispose()

    providers = providers_of(settings)
    app = FastAPI(title="Ticketing", version="1", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    equip(app.state, settings, database, providers)
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
    app.openapi = document(app)  # type: ignore[method-assign]
    app.add_api_route("/api/openapi.json", lambda: Json(app.openapi()), methods=["GET"], include_in_schema=False)
    app.add_middleware(SameOriginOnly, let_in=settings.allowed_origins)
    if settings.allowed_origins:
        app.add_middleware(ApiCors, origins=settings.allowed_origins)
    adapted = {adapter.endpoint: path for (_, path), adapter in ADAPTERS.items()}
    plain = {route.endpoint: route.path for route in PLAIN_ROUTES} | adapted | {static_files: STATIC}
    app.add_middleware(Edge, public_url=settings.public_url, metrics=app.state.metrics, access_log=app.state.access_log, plain=plain)
    return app


def create_served_app() -> FastAPI:
    """What `ticketing serve` runs in each process; refuses a database that is not fit to be served from."""
    settings = load_settings()
    database = Database.from_settings(settings)
    check_serving(database)
    return create_app(settings, database)
