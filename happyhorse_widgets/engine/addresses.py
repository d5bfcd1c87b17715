"""Where the address of an image may lead: to the public internet, and not to this machine or the network around it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TypeAlias

import httpx2

from happyhorse_widgets.errors import InvalidImage, TransportFault

_IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_SAVE = "Save the image, and give the file."
_UNREADABLE = "its address names no server. Copy it again from the browser."
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: 6to4 and Teredo: ways to IPv4 addresses that nobody serves images at any more.
_TUNNELS = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))
#: Not for the internet either, though some versions of Python count them so.
_NEAR = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("fec0::/10"))
_WEB_PORTS = (80, 443)


def checked_address(url: str, *, name: str) -> httpx2.URL:
    """The address, if it is one that an image can be fetched from; nothing is looked up.

    Raises `InvalidImage`, which calls the image `name`, for another scheme than http and https, for a user name or
    password, which would be kept in the library, and for a port below 1024 that is not the web's.
    """
    try:
        found = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise InvalidImage(f"{name} could not be fetched: {_UNREADABLE}") from None
    if found.scheme not in ("http", "https"):
        raise InvalidImage(f"{name} could not be fetched: only http and https addresses are. {_SAVE}")
    if not found.host or "%" in found.host or not 0 < (found.port or 80) < 65_536:
        raise InvalidImage(f"{name} could not be fetched: {_UNREADABLE}")
    if found.userinfo:
        raise InvalidImage(
            f"{name}: its address holds a user name or a password, which would be kept in the library. {_SAVE}"
        )
    if found.port is not None and found.port < 1024 and found.port not in _WEB_PORTS:
        raise InvalidImage(
            f"{name} could not be fetched: no web server listens at port {found.port}. {_SAVE}"
        )
    return found


async def places(url: httpx2.URL, *, name: str, local: bool) -> tuple[str, ...]:
    """The numeric addresses of the server of `url`, all of which an image may be fetched from, the best first.

    The name is looked up here, once: whoever connects must connect to one of these and not look it up again, or the name
    could lead elsewhere by then. `local` allows loopback and private networks. Raises `InvalidImage` where any of them is
    not allowed, `TransportFault` where the name is not known.
    """
    host = url.raw_host.decode("ascii")
    try:
        # The system reads every form of a number, too: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise InvalidImage(
            f"{name} could not be fetched: its address names no server. Copy it again."
        ) from None
    except OSError:
        raise TransportFault(
            f"{name} could not be fetched: this machine's network does not know {host}.", sent=False
        ) from None
    numbers = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(
        _is_allowed(ipaddress.ip_address(number.partition("%")[0]), local=local) for number in numbers
    ):
        raise InvalidImage(
            f"{name} was not fetched: {host} is this machine, or lies in the network around it. {_SAVE} "
            "(For a server of your own: connect(settings=Settings(local_addresses=True)).)"
        )
    return numbers


def _is_allowed(address: _IP, *, local: bool) -> bool:
    address = _innermost(address)
    # Link-local is where clouds keep the credentials of their machines.
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    if any(address in network for network in _TUNNELS):
        return False
    return local or (
        address.is_global and not address.is_reserved and not any(address in network for network in _NEAR)
    )


def _innermost(address: _IP) -> _IP:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or 1 < int(address) < 2**32:  # or the old ::1.2.3.4
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address
