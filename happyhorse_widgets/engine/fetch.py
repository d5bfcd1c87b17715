"""Reference images that were given as an address."""

from __future__ import annotations

import asyncio

import httpx2

from happyhorse_widgets.errors import InvalidImage, TransportFault
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage, load_image

_SECONDS = 30.0


async def fetch_image(url: str, *, name: str) -> ReferenceImage:
    """Fetch an image, at most `MAX_BYTES` of it, without any credential.

    Raises `InvalidImage` when it is not there, too large or no image, `TransportFault` when the network fails.
    """
    data = bytearray()
    try:
        async with (
            httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise InvalidImage(
                    f"{name} could not be fetched: its server answers {answer.status_code}. Open the address in a browser, or "
                    "save the image and give the file."
                )
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MAX_BYTES:
                    raise InvalidImage(
                        f"{name} is larger than {MAX_BYTES / 1e6:g} MB, the most that Scenario takes. Give a smaller version."
                    )
    except httpx2.TransportError:  # its text may hold the address, which may be signed
        raise TransportFault(
            f"{name} could not be fetched: no connection to its server.", sent=True
        ) from None
    except (httpx2.InvalidURL, httpx2.HTTPError):
        raise InvalidImage(f"{name} could not be fetched: its address does not work.") from None
    return await asyncio.to_thread(load_image, bytes(data), name=name)
