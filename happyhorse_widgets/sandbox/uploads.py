"""Uploads in parts: made, filled by PUT to signed addresses without credentials, completed, and then looked at.

The bytes are checked when the upload is completed; that it shows as "validating" for a moment is part of the clock.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .assets import import_image
from .context import Sandbox, assert_owned, owner_of, sandbox
from .ledger import Upload
from .pictures import inspect
from .wire import USER, answer, iso, new_id, read_json, take_string, xml_refusal

if TYPE_CHECKING:
    from pathlib import Path

_MAX_PARTS = 100
# More than an image may have, so that one which is too large is found when it is looked at.
_MAX_FILE = 100_000_000
_PART_LIFETIME = 3600.0
# Seconds after "complete", before `speed`, at which the status moves on.
_STEPS = (("complete", 0.5), ("validating", 2.0), ("validated", 3.0))


async def create(request: Request) -> Response:
    """`POST /uploads`: announce a file; the answer has one address for each part."""
    body, box = await read_json(request), sandbox(request)
    if take_string(body, "kind") not in {"image", "asset"}:
        raise HTTPException(400, '"kind" must be "image"; the sandbox takes no other files')
    options = body.get("assetOptions", {})
    if not isinstance(options, dict):
        raise HTTPException(400, '"assetOptions" must be an object')
    upload = Upload(
        upload_id=new_id("upload"),
        owner=owner_of(request),
        created_at=box.now(),
        file_name=take_string(body, "fileName"),
        content_type=take_string(body, "contentType"),
        file_size=_whole(body, "fileSize", 1, _MAX_FILE),
        parts=_whole(body, "parts", 1, _MAX_PARTS),
        options=options,
    )
    box.ledger.save_upload(upload)
    return answer({"upload": to_wire(box, upload, with_parts=True)})


async def retrieve(request: Request) -> Response:
    """`GET /uploads/{id}`."""
    return answer({"upload": to_wire(sandbox(request), _found(request))})


async def act(request: Request) -> Response:
    """`POST /uploads/{id}/action`: "complete", once all parts are there. Completing twice changes nothing."""
    box, body = sandbox(request), await read_json(request)
    if take_string(body, "action") != "complete":
        raise HTTPException(400, '"action" must be "complete"')
    async with box.checking:
        # Whoever waited here may find the work done.
        upload = _found(request)
        if upload.checked_at is None:
            upload = await _check(box, upload)
    return answer({"upload": to_wire(box, upload)})


async def put_part(request: Request) -> Response:
    """`PUT /storage/uploads/{id}/{number}`: the bytes of one part, as S3 takes them."""
    box, query = sandbox(request), request.query_params
    if "authorization" in request.headers:
        return xml_refusal(400, "InvalidArgument", "Only one auth mechanism allowed")
    upload = box.ledger.upload(request.path_params["upload_id"])
    if upload is None or not box.signer.accepts(request.url.path, query, now=box.now()):
        return xml_refusal(403, "AccessDenied", "Request has expired or its signature does not match")
    unfinished = box.ledger.parts / new_id("part")
    size, digest = 0, hashlib.md5(usedforsecurity=False)
    try:
        with unfinished.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > upload.file_size:
                    return xml_refusal(400, "EntityTooLarge", "More bytes than announced")
                digest.update(chunk)
                file.write(chunk)
        unfinished.replace(_part(box, upload.upload_id, request.path_params["number"]))
    except ClientDisconnect:
        return xml_refusal(400, "IncompleteBody", "The connection was closed before the whole part was there")
    finally:
        unfinished.unlink(missing_ok=True)
    return Response(headers={"etag": f'"{digest.hexdigest()}"'})


def to_wire(box: Sandbox, upload: Upload, *, with_parts: bool = False) -> dict[str, Any]:
    """The upload as the API answers it."""
    status, updated_at = _status(upload, box.now(), box.options.speed)
    wire: dict[str, Any] = {
        "id": upload.upload_id,
        "kind": "image",
        "status": status,
        "source": "multipart",
        "fileName": upload.upload_id,
        "originalFileName": upload.file_name,
        "contentType": upload.content_type,
        "fileSize": upload.file_size,
        "partsCount": upload.parts,
        "assetOptions": upload.options,
        "authorId": USER,
        "ownerId": upload.owner,
        "createdAt": iso(upload.created_at),
        "updatedAt": iso(updated_at),
    }
    if with_parts:
        wire["parts"] = [_part_to_wire(box, upload, number) for number in range(1, upload.parts + 1)]
    if status == "imported":
        wire["entityId"] = upload.asset_id
    if status == "failed":
        wire["errorMessage"] = upload.error
    return wire


async def _check(box: Sandbox, upload: Upload) -> Upload:
    parts = [_part(box, upload.upload_id, number) for number in range(1, upload.parts + 1)]
    missing = [number for number, path in enumerate(parts, 1) if not path.is_file()]
    if missing:
        raise HTTPException(400, f"Part {missing[0]} of {upload.parts} was not uploaded")
    data = await run_in_threadpool(lambda: b"".join(path.read_bytes() for path in parts))
    picture = await run_in_threadpool(inspect, data)
    asset_id, error = None, None
    if len(data) != upload.file_size:
        error = f"The file has {len(data)} bytes, but {upload.file_size} were announced"
    elif isinstance(picture, str):
        error = picture
    else:
        asset = await import_image(box, data, picture, name=upload.file_name, owner=upload.owner)
        asset_id = asset.asset_id
    upload = replace(upload, checked_at=box.now(), asset_id=asset_id, error=error)
    box.ledger.save_upload(upload)
    for path in parts:
        path.unlink(missing_ok=True)
    return upload


def _status(upload: Upload, now: float, speed: float) -> tuple[str, float]:
    if upload.checked_at is None:
        return "pending", upload.created_at
    since = upload.checked_at
    for status, until in _STEPS:
        ends = upload.checked_at + until / speed
        if status == "validated" and upload.error is not None:
            break
        if now < ends:
            return status, since
        since = ends
    return ("imported" if upload.error is None else "failed"), since


def _part_to_wire(box: Sandbox, upload: Upload, number: int) -> dict[str, Any]:
    now = box.now()
    url = box.signer.url(f"/storage/uploads/{upload.upload_id}/{number}", now=now, lifetime=_PART_LIFETIME)
    return {"number": number, "url": url, "expires": iso(now + _PART_LIFETIME)}


def _part(box: Sandbox, upload_id: str, number: int) -> Path:
    return box.ledger.parts / f"{upload_id}.{number}"


def _found(request: Request) -> Upload:
    upload_id = request.path_params["upload_id"]
    upload = sandbox(request).ledger.upload(upload_id)
    if upload is None:
        raise HTTPException(404, f"Upload {upload_id} was not found")
    assert_owned(request, upload.owner, f"Upload {upload_id}")
    return upload


def _whole(body: dict[str, Any], name: str, least: int, most: int) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise HTTPException(400, f'"{name}" is required and must be a whole number')
    if not least <= value <= most:
        raise HTTPException(400, f'"{name}" must be between {least} and {most}')
    return int(value)
