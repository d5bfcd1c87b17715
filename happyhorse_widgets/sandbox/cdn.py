"""Downloads: the bytes behind signed addresses, as a CDN serves them.

No credentials are needed here, and none are taken: a request that carries some is refused, so that a client which
sends its keys along is found out. Ranges, ETag and If-Range work; the path says nothing about the kind of file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, Response

from .context import sandbox
from .faults import ChangedEtag, IgnoreRange, active
from .wire import xml_refusal

if TYPE_CHECKING:
    from starlette.requests import Request


async def download(request: Request) -> Response:
    """`GET /cdn/assets-transform/{id}`."""
    box, asset_id = sandbox(request), request.path_params["asset_id"]
    if "authorization" in request.headers:
        return xml_refusal(400, "InvalidArgument", "Only one auth mechanism allowed")
    if not box.signer.accepts(request.url.path, request.query_params, now=box.now()):
        return xml_refusal(403, "AccessDenied", "Access denied")
    asset = box.ledger.assets([asset_id]).get(asset_id)
    path = box.ledger.files / asset_id
    if asset is None or not path.is_file():
        return xml_refusal(404, "NoSuchKey", "The specified key does not exist")
    etag = asset.sha256[:32]
    if active(request.scope, ChangedEtag):
        etag = etag[::-1]
    if active(request.scope, IgnoreRange):
        del MutableHeaders(scope=request.scope)["range"]
    return FileResponse(path, headers={"etag": f'"{etag}"'}, media_type=asset.mime_type)
