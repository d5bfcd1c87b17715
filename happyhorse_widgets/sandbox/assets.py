"""Assets: images sent in one call, and reading, tagging and deleting whatever there is.

`POST /assets` takes base64 or a data URL. An image reaches the ledger with its bytes already in place, so that an asset
that can be read can be downloaded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from .context import Sandbox, assert_owned, owner_of, project_of, sandbox
from .faults import ExpiredUrl, active
from .jobs import view
from .ledger import Asset
from .pictures import Picture, inspect
from .wire import USER, answer, iso, new_id, read_json, take_string, take_strings

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

_MAX_BULK = 200


async def create(request: Request) -> Response:
    """`POST /assets`: one image in the body."""
    body = await read_json(request)
    name, image = take_string(body, "name"), take_string(body, "image")
    data = _decode(image)
    picture = await run_in_threadpool(inspect, data)
    if isinstance(picture, str):
        raise HTTPException(400, f'"image": {picture}')
    box = sandbox(request)
    asset = await import_image(box, data, picture, name=name, owner=owner_of(request))
    return answer({"asset": to_wire(box, request, asset)})


async def retrieve(request: Request) -> Response:
    """`GET /assets/{id}`."""
    box, asset = sandbox(request), _found(request)
    return answer({"asset": to_wire(box, request, asset)})


async def get_bulk(request: Request) -> Response:
    """`POST /assets/get-bulk`: those of the asked assets that exist, in the order asked for."""
    asset_ids = take_strings(await read_json(request), "assetIds")
    if len(asset_ids) > _MAX_BULK:
        raise HTTPException(400, f'"assetIds" has {len(asset_ids)} items; at most {_MAX_BULK} are allowed')
    box, project = sandbox(request), project_of(request)
    found = ready_assets(box, asset_ids)
    wanted = [
        found[one] for one in dict.fromkeys(asset_ids) if one in found and project in {None, found[one].owner}
    ]
    return answer({"assets": [to_wire(box, request, asset) for asset in wanted]})


async def update_tags(request: Request) -> Response:
    """`PUT /assets/{id}/tags`: add and delete tags; with `strict`, 400 where that changes nothing."""
    asset, body = _found(request), await read_json(request)
    add, delete = take_strings(body, "add"), take_strings(body, "delete")
    added = [tag for tag in dict.fromkeys(add) if tag not in asset.tags]
    deleted = [tag for tag in dict.fromkeys(delete) if tag in asset.tags]
    if body.get("strict") is True and (len(added) < len(add) or len(deleted) < len(delete)):
        raise HTTPException(400, "A tag to add already exists, or a tag to delete does not")
    tags = [tag for tag in asset.tags if tag not in deleted] + added
    box = sandbox(request)
    box.ledger.tag_asset(asset.asset_id, tags, box.now())
    return answer({"added": added, "deleted": deleted})


async def delete_multiple(request: Request) -> Response:
    """`DELETE /assets`: forget assets; ids that do not exist are ignored."""
    sandbox(request).ledger.delete_assets(take_strings(await read_json(request), "assetIds"))
    return answer({})


def ready_assets(box: Sandbox, asset_ids: list[str]) -> dict[str, Asset]:
    """The assets with these ids that can be seen: what a job makes appears when the job is a success."""
    found = box.ledger.assets(list(dict.fromkeys(asset_ids)))
    return {
        one: asset for one, asset in found.items() if asset.job_id is None or _succeeded(box, asset.job_id)
    }


async def import_image(box: Sandbox, data: bytes, picture: Picture, *, name: str, owner: str) -> Asset:
    """Keep an uploaded image, and write it down as an asset."""
    now = box.now()
    asset = Asset(
        asset_id=new_id("asset"),
        owner=owner,
        created_at=now,
        updated_at=now,
        job_id=None,
        kind="image",
        mime_type=picture.mime_type,
        sha256=hashlib.sha256(data).hexdigest(),
        source="uploaded",
        properties={"size": len(data), "width": picture.width, "height": picture.height},
        metadata={"kind": "image", "type": "uploaded", "name": name},
    )
    await run_in_threadpool(_write_whole, box.ledger.files / asset.asset_id, data)
    box.ledger.add_asset(asset)
    return asset


def to_wire(box: Sandbox, request: Request, asset: Asset) -> dict[str, Any]:
    """The asset as the API answers it, with fresh addresses."""
    expired = active(request.scope, ExpiredUrl)

    def url(asset_id: str, *, policy: bool) -> str:
        path = f"/cdn/assets-transform/{asset_id}"
        return box.signer.url(
            path, now=box.now(), lifetime=expired.seconds if expired else None, policy=policy
        )

    wire: dict[str, Any] = {
        "id": asset.asset_id,
        "kind": asset.kind,
        "mimeType": asset.mime_type,
        "status": "success",
        "url": url(asset.asset_id, policy=asset.kind == "video"),
        "properties": asset.properties,
        "metadata": asset.metadata,
        "source": asset.source,
        "privacy": "private",
        "tags": asset.tags,
        "collectionIds": [],
        "editCapabilities": [],
        "authorId": USER,
        "ownerId": asset.owner,
        "createdAt": iso(asset.created_at),
        "updatedAt": iso(asset.updated_at),
    }
    for name, frame in (("firstFrame", asset.first_frame), ("lastFrame", asset.last_frame)):
        if frame is not None:
            wire[name] = {"assetId": frame, "url": url(frame, policy=False)}
    return wire


def _found(request: Request) -> Asset:
    asset_id = request.path_params["asset_id"]
    asset = ready_assets(sandbox(request), [asset_id]).get(asset_id)
    if asset is None:
        raise HTTPException(404, f"Asset {asset_id} was not found")
    assert_owned(request, asset.owner, f"Asset {asset_id}")
    return asset


def _succeeded(box: Sandbox, job_id: str) -> bool:
    job = box.ledger.job(job_id)
    return job is not None and view(job, box.now()).status == "success"


def _decode(image: str) -> bytes:
    if image.startswith("data:"):
        head, _, image = image.partition(",")
        if not head.endswith(";base64"):
            raise HTTPException(400, '"image" must be base64, or a data URL in base64')
    try:
        return base64.b64decode(image, validate=True)
    except binascii.Error:
        raise HTTPException(400, '"image" must be base64, or a data URL in base64') from None


def _write_whole(path: Path, data: bytes) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)  # noqa: PTH105  (the atomic step is the point)
