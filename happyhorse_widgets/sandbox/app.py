"""The sandbox as an ASGI application: the table of routes, the door, and what refusals look like."""

from __future__ import annotations

import base64
import contextlib
import hmac
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route

from . import account, assets, catalogue, cdn, charges, generate, listing, uploads, usages
from .interference import Interference
from .reception import Reception
from .wire import refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .context import Sandbox
    from .faults import FaultScript

_ROUTES = [
    Mount(
        "/v1",
        routes=[
            Route("/generate/custom/{model_id}", generate.run_model, methods=["POST"]),
            Route("/generate/prompt", generate.enhance_prompt, methods=["POST"]),
            Route("/generate/translate", generate.translate, methods=["POST"]),
            Route("/jobs", listing.list_jobs),
            Route("/jobs/{job_id}", listing.retrieve),
            Route("/jobs/{job_id}/action", listing.act, methods=["POST"]),
            Route("/assets", assets.create, methods=["POST"]),
            Route("/assets", assets.delete_multiple, methods=["DELETE"]),
            Route("/assets/get-bulk", assets.get_bulk, methods=["POST"]),
            Route("/assets/{asset_id}", assets.retrieve),
            Route("/assets/{asset_id}/tags", assets.update_tags, methods=["PUT"]),
            Route("/uploads", uploads.create, methods=["POST"]),
            Route("/uploads/{upload_id}", uploads.retrieve),
            Route("/uploads/{upload_id}/action", uploads.act, methods=["POST"]),
            Route("/models/{model_id}", catalogue.retrieve),
            Route("/models/{model_id}/prompt-guide", catalogue.prompt_guide),
            Route("/models/{model_id}/examples", catalogue.examples),
            Route("/teams", account.teams),
            Route("/teams/{team_id}/limits", account.limits),
            Route("/usages", usages.usages),
        ],
    ),
    Route("/sandbox/ledger", charges.ledger),
    Route("/cdn/assets-transform/{asset_id}", cdn.download),
    Route("/storage/uploads/{upload_id}/{number:int}", uploads.put_part, methods=["PUT"]),
]
# A page whose own name is made to lead to this machine still calls it by that name.
_HOSTS = ("127.0.0.1", "localhost")
# What a browser says of a request: none is the person who typed the address.
_NO_OTHER_PAGE = (b"none", b"same-origin")
# Signed addresses speak for themselves here.
_WITHOUT_CREDENTIALS = ("/cdn/", "/storage/")


def build_app(box: Sandbox, *, key: str, secret: str, script: FaultScript) -> Starlette:
    """The application for one sandbox, which accepts one pair of credentials."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        box.renderers.start()
        try:
            yield
        finally:
            await box.renderers.stop()
            box.ledger.close()

    app = Starlette(
        routes=_ROUTES,
        middleware=[
            Middleware(Reception, now=box.now, record=box.options.record),
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
            Middleware(Door, key=key, secret=secret),
            Middleware(Interference, script=script),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _break},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.sandbox = box
    return app


class Door:
    """Lets requests with the right key pair in, or to a signed address; none that a web page makes."""

    def __init__(self, app: ASGIApp, *, key: str, secret: str) -> None:
        self._app = app
        self._expected = base64.b64encode(f"{key}:{secret}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each request."""
        if scope["type"] == "http" and (refused := self._refusal(scope)) is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if b"origin" in headers or headers.get(b"sec-fetch-site", b"none") not in _NO_OTHER_PAGE:
            return refusal(403, "The sandbox takes no requests from web pages")
        if scope["path"].startswith(_WITHOUT_CREDENTIALS):
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if hmac.compare_digest(given.strip(), self._expected) and scheme.lower() == b"basic":
            return None
        return refusal(401, "The API key or secret is missing or wrong")


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, error.detail, headers=error.headers)


async def _break(_: Request, __: Exception) -> Response:
    # uvicorn writes the traceback to stderr.
    return refusal(500, "The sandbox itself broke; its log says where")
