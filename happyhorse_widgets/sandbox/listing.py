"""Reading jobs: one, many page by page, and the one action there is.

Lists run from the newest to the oldest: by creation, or, with `status`, `type` or `types`, by last update. A page is
read first and filtered then, as with the real API: it can be short or empty while a token remains.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.exceptions import HTTPException

from .context import assert_owned, project_of, sandbox
from .faults import AllowCancel, EmptyPages, ListLag, active
from .jobs import Job, View, to_wire, view
from .wire import USER, answer, parse_iso, read_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_MAX_PAGE = 100
_DEFAULT_PAGE = 50
_BY_UPDATE = ("status", "type", "types", "workflowId")


class _Token(msgspec.Struct, frozen=True):
    """Where the next page begins: after this job; and how many empty pages came before."""

    moment: float = math.inf
    job_id: str = ""
    empty: int = 0


async def retrieve(request: Request) -> Response:
    """`GET /jobs/{id}`."""
    return answer({"job": to_wire(_found(request), sandbox(request).now())})


async def list_jobs(request: Request) -> Response:
    """`GET /jobs`."""
    query, now = request.query_params, sandbox(request).now()
    token, size = _token(request), _page_size(request)
    empty = active(request.scope, EmptyPages)
    if empty is not None and token.empty < empty.pages:
        return _page([], msgspec.structs.replace(token, empty=token.empty + 1), now)
    by_update = any(query.get(name) for name in _BY_UPDATE)
    read = _read_by_update(request, token, size) if by_update else _read_by_creation(request, token, size)
    last = None
    if len(read) == size:
        job, seen = read[-1]
        last = _Token(seen.updated_at if by_update else job.created_at, job.job_id, token.empty)
    lag = active(request.scope, ListLag)
    shown = [
        (job, seen)
        for job, seen in read
        if _passes(request, job, seen) and (lag is None or job.created_at <= now - lag.seconds)
    ]
    return _page(shown, last, now)


async def act(request: Request) -> Response:
    """`POST /jobs/{id}/action`: "cancel", which this kind of job does not have."""
    body, box = await read_json(request), sandbox(request)
    job = _found(request)
    if body.get("action") != "cancel":
        raise HTTPException(400, '"action" must be "cancel"')
    if active(request.scope, AllowCancel) is None:
        raise HTTPException(400, f"Job {job.job_id} cannot be canceled: only inference jobs can be")
    now = box.now()
    if view(job, now).ended:
        raise HTTPException(400, f"Job {job.job_id} cannot be canceled: it has ended")
    return answer({"job": to_wire(box.ledger.stop_job(job, ("canceled", round(now, 3))), now)})


def _found(request: Request) -> Job:
    job_id = request.path_params["job_id"]
    job = sandbox(request).ledger.job(job_id)
    if job is None:
        raise HTTPException(404, f"Job {job_id} was not found")
    assert_owned(request, job.owner, f"Job {job_id}")
    return job


def _read_by_creation(request: Request, token: _Token, size: int) -> list[tuple[Job, View]]:
    if "updatedAfter" in request.query_params:
        raise HTTPException(
            400, '"updatedAfter" is only allowed with "status", "type", "types" or "workflowId"'
        )
    box = sandbox(request)
    jobs = box.ledger.jobs_by_creation(
        owner=project_of(request),
        after=_date(request, "createdAfter"),
        before=(token.moment, token.job_id),
        count=size,
    )
    now = box.now()
    return [(job, view(job, now)) for job in jobs]


def _read_by_update(request: Request, token: _Token, size: int) -> list[tuple[Job, View]]:
    if "createdAfter" in request.query_params:
        raise HTTPException(
            400, '"createdAfter" is only allowed without "status", "type", "types" and "workflowId"'
        )
    box = sandbox(request)
    return box.ledger.jobs_by_update(
        box.now(),
        owner=project_of(request),
        after=_date(request, "updatedAfter"),
        before=(token.moment, token.job_id),
        count=size,
    )


def _passes(request: Request, job: Job, seen: View) -> bool:
    query = request.query_params
    types = query.get("types") or query.get("type")
    return (
        (not types or job.job_type in types.split(","))
        and query.get("status") in {None, "", seen.status}
        and query.get("authorId") in {None, "", USER}
        and not query.get("workflowId")
    )


def _page(jobs: list[tuple[Job, View]], token: _Token | None, now: float) -> Response:
    page: dict[str, Any] = {"jobs": [to_wire(job, now, seen) for job, seen in jobs]}
    if token is not None:
        page["nextPaginationToken"] = base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode()
    return answer(page)


def _token(request: Request) -> _Token:
    text = request.query_params.get("paginationToken")
    if not text:
        return _Token()
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(text), type=_Token)
    except ValueError:
        raise HTTPException(400, '"paginationToken" is not a token of this list') from None


def _page_size(request: Request) -> int:
    text = request.query_params.get("pageSize", str(_DEFAULT_PAGE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_PAGE:
        raise HTTPException(400, f'"pageSize" must be between 1 and {_MAX_PAGE}')
    return int(text)


def _date(request: Request, name: str) -> float:
    text = request.query_params.get(name)
    return -math.inf if text is None else parse_iso(text, name)
