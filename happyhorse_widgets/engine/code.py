"""A clip's request as code that would make it again: Python, curl or JavaScript. Never with a credential."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from happyhorse_widgets.api.config import DEFAULT_BASE_URL, KEY_VARIABLE, SECRET_VARIABLE
from happyhorse_widgets.api.params import HAPPY_HORSE, snapshot, wire_body
from happyhorse_widgets.errors import InvalidRequest

from .request import Reference, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from happyhorse_widgets.library.clips import ClipRecord

LANGUAGES: Final = ("python", "curl", "javascript")


def code_for(language: str, record: ClipRecord, home: Path) -> str:
    """The code in one of `LANGUAGES`. Raises `InvalidRequest` for another one."""
    request = Request.from_dict(record.request)
    if language == "python":
        return _python(request, home)
    where = f"?projectId={quote(record.project)}" if record.project else ""
    url = f"{DEFAULT_BASE_URL}/generate/custom/{quote(record.model)}{where}"
    body = record.body or _body(request)
    if language == "curl":
        return _curl(url, body)
    if language == "javascript":
        return _javascript(url, body)
    raise InvalidRequest(f"There is no code in {language!r}; there is in {', '.join(LANGUAGES)}.")


def _body(request: Request) -> dict[str, Any]:
    """What would be sent, with the names of images for the asset ids that they do not have yet."""
    schema = snapshot(request.model) or snapshot(HAPPY_HORSE)
    assert schema is not None
    named = [item.asset_id or f"<asset id of {item.name}>" for item in request.references]
    return wire_body(schema, request.values(), named)


def _python(request: Request, home: Path) -> str:
    values = {
        name: value for name, value in request.values().items() if name != "prompt" and value is not None
    }
    settings = "".join(
        f"    {name}={value!r},\n" for name, value in {**values, "model": request.model}.items()
    )
    images = [_source(item, home) for item in request.references]
    return (
        "import happyhorse_widgets as hh\n\n"
        f"clip = hh.generate(\n    {request.prompt!r},\n    {images!r},\n{settings})\n"
        "clip.wait()\nprint(clip.path)\n"
    )


def _source(reference: Reference, home: Path) -> str:
    if reference.file is not None:
        return str(home / reference.file)
    # The query of an address may be a signature.
    return reference.asset_id or (reference.url or reference.name).partition("?")[0]


def _curl(url: str, body: Mapping[str, Any]) -> str:
    return (
        f"curl --request POST {shlex.quote(url)} \\\n"
        f'  --user "${KEY_VARIABLE}:${SECRET_VARIABLE}" \\\n'
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}\n"
    )


def _javascript(url: str, body: Mapping[str, Any]) -> str:
    keys = f"`${{process.env.{KEY_VARIABLE}}}:${{process.env.{SECRET_VARIABLE}}}`"
    return (
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        '  method: "POST",\n'
        "  headers: {\n"
        '    "Content-Type": "application/json",\n'
        f'    Authorization: "Basic " + Buffer.from({keys}).toString("base64"),\n'
        "  },\n"
        f"  body: JSON.stringify({json.dumps(body, ensure_ascii=False, indent=2)}),\n"
        "});\nconsole.log(await answer.json());\n"
    )
