"""What all answers share: dates, ids, JSON bodies and refusals.

A refusal is `{"error": phrase, "reason": text, "details"?: {…}}`; storage and downloads refuse in XML, as S3 and
CloudFront do.
"""

from __future__ import annotations

import functools
import http
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

#: The largest JSON body taken, in bytes; the gateway before the real API has the same limit.
MAX_BODY = 10_000_000

USER = "user_sandbox"
TEAM = "team_sandbox"
PROJECT = "proj_sandbox"
#: Since when the team, its project and the models exist, in epoch seconds.
SINCE = 1_767_225_600.0

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """A fresh id in the API's style, such as `job_ocZCnG1Df35XRL1QyCZSRxAG`."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(24))


@functools.lru_cache(maxsize=4096)  # the same few dates of each job, list after list
def iso(moment: float) -> str:
    """Epoch seconds as the API writes dates: UTC with milliseconds and a Z."""
    return (
        datetime.fromtimestamp(round(moment, 3), UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def parse_iso(text: str, name: str) -> float:
    """Read an ISO 8601 date; without an offset it is taken as UTC. Anything else answers 400, naming `name`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(
            400, f'"{name}" must be an ISO 8601 date, such as 2025-01-31T12:00:00.000Z'
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def refusal(
    status: int,
    reason: str,
    *,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON refusal."""
    body: dict[str, Any] = {"error": phrase(status), "reason": reason}
    if details is not None:
        body["details"] = details
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def xml_refusal(status: int, code: str, message: str) -> Response:
    """A refusal in the style of S3 and CloudFront."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, media_type="application/xml")


def phrase(status: int) -> str:
    """The standard phrase of a status, or its number."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return str(status)


async def read_json(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. Answers 413 when it is too long, and 400 when it is anything else."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HTTPException(413, "Request too long")
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HTTPException(400, "The body is not valid JSON") from None
    if not isinstance(content, dict):
        raise HTTPException(400, "The body must be a JSON object")
    return content


def take_string(body: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A string of the body; 400 when it is missing without a default, empty or something else."""
    value = body.get(name, default)
    if not isinstance(value, str) or (not value and default is None):
        raise HTTPException(400, f'"{name}" is required and must be a string')
    return value


def take_strings(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of strings of the body, empty when it is absent; 400 when it is something else."""
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise HTTPException(400, f'"{name}" must be a list of strings')
    return value


def is_dry_run(request: Request) -> bool:
    """Whether `dryRun` asks for an estimate only; 400 for values that the API does not know."""
    value = request.query_params.get("dryRun")
    if value not in {None, "true", "api"}:
        raise HTTPException(400, '"dryRun" must be "true" or "api"')
    return value is not None
