"""Which addresses an image may be fetched from; nothing here leaves the machine."""

from __future__ import annotations

import asyncio
import ipaddress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from happyhorse_widgets.engine.addresses import checked_address, places
from happyhorse_widgets.errors import InvalidImage, TransportFault
from tests.names import run_named

#: This machine, in all its spellings.
HERE = [
    "127.0.0.1",
    "127.8.9.10",
    "localhost",
    "LOCALHOST",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "127。0。0。1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
]
#: The network around it.
NEAR = [
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "240.0.0.1",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[fec0::1]",
    "[64:ff9b::a00:7]",
    "[2002:c0a8:101::]",
]
#: Where nothing that a person could mean lies: link-local, where clouds keep credentials, no address, everybody.
NEVER = [
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "2852039166",
    "[fe80::1]",
    "0.0.0.0",
    "[::]",
    "224.0.0.1",
    "[ff02::1]",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "[2606:2800:220:1:248:1893:25c8:1946]", "[64:ff9b::808:808]"]


def looked_up(host: str, *, local: bool = False) -> tuple[str, ...]:
    url = checked_address(f"http://{host}/fox.png", name="fox.png")
    return asyncio.run(places(url, name="fox.png", local=local))


@pytest.mark.parametrize("host", [*HERE, *NEAR, *NEVER])
def test_this_machine_and_the_network_around_it_are_refused(host: str) -> None:
    with pytest.raises(InvalidImage, match=r"fox\.png was not fetched: .*Save the image, and give the file"):
        looked_up(host)


@pytest.mark.parametrize("host", [*HERE[:-2], *NEAR[:3]])
def test_they_are_allowed_where_a_person_says_so(host: str) -> None:
    assert looked_up(host, local=True)


@pytest.mark.parametrize("host", NEVER)
def test_what_nobody_means_stays_refused(host: str) -> None:
    with pytest.raises(InvalidImage, match="was not fetched"):
        looked_up(host, local=True)


@pytest.mark.parametrize("host", PUBLIC)
def test_the_internet_is_allowed(host: str) -> None:
    (number,) = looked_up(host)
    assert ipaddress.ip_address(number) == ipaddress.ip_address(host.strip("[]"))


@given(address=st.ip_addresses())
def test_what_is_allowed_is_global_however_it_is_wrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    try:
        looked_up(host)
    except InvalidImage:
        return
    assert address.is_global or address in ipaddress.ip_network("64:ff9b::/96")
    assert not address.is_multicast


def test_a_name_that_leads_here_is_refused_and_one_of_its_numbers_is_enough() -> None:
    url = httpx2.URL("http://images.example/fox.png")
    for numbers in (["127.0.0.1"], ["93.184.216.34", "10.0.0.7"], ["169.254.169.254", "93.184.216.34"]):
        with pytest.raises(InvalidImage, match=r"images\.example is this machine, or lies in the network"):
            run_named(places(url, name="fox.png", local=False), {"images.example": [numbers]})


def test_a_name_that_nobody_knows_is_a_matter_of_the_network() -> None:
    with pytest.raises(TransportFault, match=r"does not know images\.invalid") as caught:
        looked_up("images.invalid")
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("FILE:///etc/passwd", "only http and https"),
        ("ftp://example.com/fox.png", "only http and https"),
        ("gopher://example.com/fox.png", "only http and https"),
        ("//example.com/fox.png", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("http:///fox.png", "names no server"),
        ("http://ex ample.com/fox.png", "names no server"),
        ("http://0177.0.0.1/fox.png", "names no server"),
        ("http://１２７.0.0.1/fox.png", "names no server"),
        ("http://[::1%25lo]/fox.png", "names no server"),
        ("https://anna:CANARY@example.com/fox.png", "user name or a password"),
        ("https://CANARY@example.com/fox.png", "user name or a password"),
        ("http://example.com:22/fox.png", "port 22"),
        ("http://example.com:25/fox.png", "port 25"),
        ("http://example.com:70000/fox.png", "names no server"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_before_it_is_looked_up(url: str, words: str) -> None:
    with pytest.raises(InvalidImage, match=words) as caught:
        checked_address(url, name="fox.png")
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/fox.png",
        "http://example.com:8000/",
        "https://example.com:443/",
        "HTTP://EXAMPLE.com",
    ],
)
def test_an_address_of_a_web_server_is_taken(url: str) -> None:
    assert checked_address(url, name="fox.png").host == "example.com"
