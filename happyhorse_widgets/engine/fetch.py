"""Reference images that were given as an address: fetched without credentials, and bounded in size, time and reach."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

import httpx2

from happyhorse_widgets.api.signedurls import SignedUrl, unlogged
from happyhorse_widgets.api.transport import USER_AGENT, no_cookies, tls_context
from happyhorse_widgets.errors import HappyHorseError, InvalidImage, TransportFault
from happyhorse_widgets.media.images import MAX_BYTES, ReferenceImage, load_image, require_large

from .addresses import checked_address, places

_SECONDS = 120.0
_PATIENCE = httpx2.Timeout(30.0, connect=10.0)
_REDIRECTS = 5
_TRIES = 3


async def fetch_image(
    url: str, *, name: str, local: bool = False, seconds: float = _SECONDS
) -> ReferenceImage:
    """Fetch an image, at most `MAX_BYTES` of it, within `seconds` in all, without any credential.

    `local` allows servers on this machine and in the network around it. Raises `InvalidImage` when its address leads to what
    is not allowed, when it is not there, too large, too small, too slow or no image, and `TransportFault` when the network fails.
    """
    address = SignedUrl(url)
    del url
    with unlogged():
        found = await _within(seconds, address, name, local)
    if isinstance(found, HappyHorseError):
        raise found  # from here, where no exception is at hand that holds the address, which may be signed
    image = await asyncio.to_thread(load_image, found, name=name)
    require_large(name, image.width, image.height)
    return image


async def _within(seconds: float, url: str, name: str, local: bool) -> bytes | HappyHorseError:
    try:
        async with asyncio.timeout(seconds):
            return await _follow(url, name, local)
    except TimeoutError:
        return InvalidImage(
            f"{name} did not arrive within {seconds:g} seconds. Try again, or save the image and give the file."
        )
    except HappyHorseError as error:
        return error.with_traceback(None)  # its frames hold the address
    except (httpx2.InvalidURL, ValueError):
        return InvalidImage(f"{name} could not be fetched: its server gives no answer that can be read.")
    except httpx2.HTTPError:
        return TransportFault(f"{name} could not be fetched: no connection to its server.", sent=True)


async def _follow(url: str, name: str, local: bool) -> bytes:
    for _ in range(_REDIRECTS + 1):
        address = checked_address(url, name=name)
        proxy = _proxy_for(address)
        async with await asyncio.to_thread(_new_client, proxy) as client:
            response = await _opened(client, address, name, local=local, proxied=proxy is not None)
            try:
                if not response.has_redirect_location:
                    return await _image(response, name)
            finally:
                await response.aclose()
        url = urljoin(url, response.headers["location"])
    raise InvalidImage(f"{name} could not be fetched: its server redirects more than {_REDIRECTS} times.")


async def _opened(
    client: httpx2.AsyncClient, address: httpx2.URL, name: str, *, local: bool, proxied: bool
) -> httpx2.Response:
    """The answer's head, from the very place that was checked; a proxy looks the name up itself."""
    try:
        numbers = await places(address, name=name, local=local)
    except TransportFault:
        if not proxied:
            raise  # behind a proxy, names from outside are often not known inside
    if proxied:
        return await client.send(client.build_request("GET", address), stream=True)
    # The connection goes to the number; the certificate is still checked against the name.
    headers = {"Host": address.netloc.decode("ascii")}
    extensions = {"sni_hostname": address.raw_host.decode("ascii")}
    for number in numbers[:_TRIES]:
        there = address.copy_with(host=number)
        request = client.build_request("GET", there, headers=headers, extensions=extensions)
        with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
            return await client.send(request, stream=True)
    raise TransportFault(f"{name} could not be fetched: no connection to its server.", sent=False)


async def _image(response: httpx2.Response, name: str) -> bytes:
    if response.status_code != 200:
        raise InvalidImage(
            f"{name} could not be fetched: its server answers {response.status_code}. Open the address in a browser, or "
            "save the image and give the file."
        )
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidImage(
            f"{name} comes packed from its server, which was not asked for. Save the image, and give the file."
        )
    data = bytearray()
    _check_size(int(response.headers.get("content-length", "0")), name)
    async for piece in response.aiter_raw():
        data += piece
        _check_size(len(data), name)
    return bytes(data)


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise InvalidImage(
            f"{name} is larger than {MAX_BYTES / 1e6:g} MB, the most that Scenario takes. Give a smaller version."
        )


def _proxy_for(address: httpx2.URL) -> str | None:
    """The proxy that this machine's environment names for the address, as for everything else that goes out."""
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(address.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _new_client(proxy: str | None) -> httpx2.AsyncClient:
    # On a thread, for to read the system's certificates takes a tenth of a second and more.
    return httpx2.AsyncClient(
        proxy=proxy,
        timeout=_PATIENCE,
        # Unpacked, ten megabytes may be ten gigabytes.
        headers={"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
        cookies=no_cookies(),
        verify=tls_context(),
        follow_redirects=False,
        trust_env=False,  # the proxy was chosen with its address in view
    )
