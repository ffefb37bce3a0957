"""The storefront's routes, put together."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ticketing.storefront import (
    account_pages,
    browse_pages,
    checkout_pages,
    consent_pages,
    find_pages,
    photo_pages,
    privacy_pages,
    profile_pages,
    queue_pages,
    reference_pages,
    tracking,
    waiting_list_pages,
)
from ticketing.storefront.view import STATIC_DIRECTORY

STATIC = "/static"

PARTS = (
    browse_pages.router,
    checkout_pages.router,
    photo_pages.router,
    queue_pages.router,
    account_pages.router,
    profile_pages.router,
    privacy_pages.router,
    consent_pages.router,
    find_pages.router,
    tracking.router,
    waiting_list_pages.router,
    reference_pages.router,
)
router = APIRouter()
for part in PARTS:
    router.include_router(part)


class HashedStaticFiles(StaticFiles):
    """Addresses carry the content's hash, so browsers may keep the files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if b"v=" in scope.get("query_string", b""):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


static_files = HashedStaticFiles(directory=STATIC_DIRECTORY)
