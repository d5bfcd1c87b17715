"""Requests as code that would make a clip of each: Python, curl or JavaScript. Never with a credential."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from happyhorse_widgets.api.config import DEFAULT_BASE_URL, KEY_VARIABLE, SECRET_VARIABLE
from happyhorse_widgets.api.params import HAPPY_HORSE, snapshot
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.media.metadata import stripped

from .aliases import name_problems
from .connection import OWN_SANDBOX
from .request import Reference, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from happyhorse_widgets.api.params import ModelSchema
    from happyhorse_widgets.library.clips import ClipRecord

LANGUAGES: Final = ("python", "curl", "javascript")


def code_for(language: str, record: ClipRecord, *, endpoint: str, home: Path) -> str:
    """The code of one clip in one of `LANGUAGES`. Raises `InvalidRequest` for another one.

    `endpoint` is what the journal calls the session's account.
    """
    request, body = Request.from_dict(record.request), record.body
    if body is None or (record.endpoint == OWN_SANDBOX and snapshot(request.model)):
        body = _body(request)  # an own sandbox's assets are nowhere else
    # The record may come from a stranger's library, and the keys would go where it says.
    where = endpoint if endpoint == record.endpoint else DEFAULT_BASE_URL
    return _code(language, [request], [body], where, record.project, home)


def code_for_requests(
    language: str,
    requests: Sequence[Request],
    schema: ModelSchema | None,
    *,
    endpoint: str,
    project: str,
    home: Path,
) -> str:
    """The code that would make a clip of each of `requests`, which differ in their seeds only. Raises as `code_for` does.

    `schema` is that of their model, None where it is not known.
    """
    bodies = [_body(request, schema) for request in requests]
    return _code(language, requests, bodies, endpoint, project, home)


def _code(
    language: str,
    requests: Sequence[Request],
    bodies: Sequence[dict[str, Any]],
    endpoint: str,
    project: str,
    home: Path,
) -> str:
    if language == "python":
        return _python(requests, home)
    # An own sandbox has another port each time, and a key that nobody knows: then what Scenario itself would be asked.
    base_url = DEFAULT_BASE_URL if endpoint == OWN_SANDBOX else endpoint
    where = f"?projectId={quote(project)}" if project else ""
    url = f"{base_url}/generate/custom/{quote(requests[0].model)}{where}"
    if language == "curl":
        return "\n".join(_curl(url, body) for body in bodies)
    if language == "javascript":
        return "\n".join(_javascript(url, body, number) for number, body in enumerate(bodies, 1))
    raise InvalidRequest(f"There is no code in {language!r}; there is in {', '.join(LANGUAGES)}.")


def _body(request: Request, schema: ModelSchema | None = None) -> dict[str, Any]:
    """What would be sent, with the names of images for the asset ids that they do not have yet."""
    schema = schema or snapshot(request.model) or snapshot(HAPPY_HORSE)
    assert schema is not None
    named = [item.asset_id or f"<asset id of {item.name}>" for item in request.references]
    return request.body(schema, named)


def _python(requests: Sequence[Request], home: Path) -> str:
    request = requests[0]
    values = {
        name: repr(value)
        for name, value in {**request.values(), "model": request.model}.items()
        # Left out, one of these would get the default of Happy Horse, which another model may not know.
        if name != "prompt" and (value is not None or (name != "seed" and snapshot(request.model) is None))
    }
    if request.fields:
        values["fields"] = repr(request.fields)
    several = len(requests) > 1
    if several and request.seed is not None:
        values["seed"] = "seed"
    if any(_says_more(item, home) for item in request.references):
        values["keep_metadata"] = "True"  # as it was sent
    images: object = [_source(item, home) for item in request.references]
    aliases = [item.alias for item in request.references]
    if any(aliases) and not name_problems(aliases):
        named = {item.alias or f"character{n}": item for n, item in enumerate(request.references, 1)}
        images = {name: _source(item, home) for name, item in named.items()}
    arguments = [repr(request.prompt), repr(images), *(f"{name}={value}" for name, value in values.items())]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    if not several:
        call = f"clip = hh.generate(\n{lines})\nclip.wait()\nprint(clip.path)\n"
    else:
        loop = (
            f"seed in {[each.seed for each in requests]}"
            if "seed" in values
            else f"_ in range({len(requests)})"
        )
        inner = lines.replace("\n    ", "\n        ")
        call = (
            f"clips = [\n    hh.generate(\n    {inner}    )\n    for {loop}\n]\n"
            "for clip in clips:\n    clip.wait()\n    print(clip.path)\n"
        )
    return f"import happyhorse_widgets as hh\n\n{call}"


def _says_more(reference: Reference, home: Path) -> bool:
    """Whether the image's file has metadata, which would be taken out of it again."""
    if reference.file is None or reference.media_type is None:
        return False
    try:
        data = (home / reference.file).read_bytes()
    except OSError:
        return False
    return stripped(data, reference.media_type) not in (None, data)


def _source(reference: Reference, home: Path) -> str:
    if reference.file is not None:
        return str(home / reference.file)
    # What follows the path of an address may be a signature.
    return reference.asset_id or re.split("[?;#]", reference.url or reference.name)[0]


def _curl(url: str, body: Mapping[str, Any]) -> str:
    return (
        f"curl --request POST {shlex.quote(url)} \\\n"
        f'  --user "${KEY_VARIABLE}:${SECRET_VARIABLE}" \\\n'
        "  --header 'Content-Type: application/json' \\\n"
        f"  --data {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}\n"
    )


def _javascript(url: str, body: Mapping[str, Any], number: int = 1) -> str:
    answer = "answer" if number == 1 else f"answer{number}"
    keys = f"`${{process.env.{KEY_VARIABLE}}}:${{process.env.{SECRET_VARIABLE}}}`"
    return (
        f"const {answer} = await fetch({json.dumps(url)}, {{\n"
        '  method: "POST",\n'
        "  headers: {\n"
        '    "Content-Type": "application/json",\n'
        f'    Authorization: "Basic " + Buffer.from({keys}).toString("base64"),\n'
        "  },\n"
        f"  body: JSON.stringify({json.dumps(body, ensure_ascii=False, indent=2)}),\n"
        f"}});\nconsole.log(await {answer}.json());\n"
    )
