"""Reference images that were given as an address."""

from __future__ import annotations

import asyncio

import httpx2

from happyhorse_widgets.api.signedurls import unlogged
from happyhorse_widgets.api.transport import LOOPBACK_DIRECT
from happyhorse_widgets.errors import HappyHorseError, InvalidImage, TransportFault
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage, load_image

_SECONDS = 30.0


async def fetch_image(url: str, *, name: str) -> ReferenceImage:
    """Fetch an image, at most `MAX_BYTES` of it, without any credential.

    Raises `InvalidImage` when it is not there, too large or no image, `TransportFault` when the network fails.
    """
    with unlogged():
        found = await _fetch(url, name)
    if isinstance(found, HappyHorseError):
        raise found  # from here, where no exception is at hand that holds the address, which may be signed
    return await asyncio.to_thread(load_image, found, name=name)


async def _fetch(url: str, name: str) -> bytes | HappyHorseError:
    data = bytearray()
    try:
        async with await asyncio.to_thread(_new_client) as client, client.stream("GET", url) as answer:
            if answer.status_code != 200:
                return InvalidImage(
                    f"{name} could not be fetched: its server answers {answer.status_code}. Open the address in a browser, or "
                    "save the image and give the file."
                )
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MAX_BYTES:
                    return InvalidImage(
                        f"{name} is larger than {MAX_BYTES / 1e6:g} MB, the most that Scenario takes. Give a smaller version."
                    )
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects, httpx2.DecodingError):
        return InvalidImage(f"{name} could not be fetched: its address does not work.")
    except httpx2.HTTPError:
        return TransportFault(f"{name} could not be fetched: no connection to its server.", sent=True)
    return bytes(data)


def _new_client() -> httpx2.AsyncClient:
    # On a thread, for to read the system's certificates takes a tenth of a second and more.
    return httpx2.AsyncClient(
        timeout=_SECONDS, follow_redirects=True, max_redirects=5, mounts=LOOPBACK_DIRECT
    )
