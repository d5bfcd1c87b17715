"""The sandbox's port is open to everybody on the machine; behind it is only who has the key."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import SandboxProcess, StartSandbox
from tests.integration.conftest import OpenSession
from tests.sessions import LONG, picture

pytestmark = pytest.mark.usefixtures("measured_processes")
NOBODY = 65_534


@pytest.fixture(scope="module")
def sandbox(start_shared_sandbox: StartSandbox) -> SandboxProcess:
    return start_shared_sandbox(speed=400, scale=0.1)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, as a home on a machine with several users may be."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


#: A process that becomes another user where it may, asks each address and tries to read each file.
STRANGER = f"""
import email.parser, encodings.idna, http.client, json, os, pathlib, sys  # before the files are out of reach
wanted = json.load(sys.stdin)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
statuses, read = [], []
for method, path, headers in wanted["requests"]:
    connection = http.client.HTTPConnection("127.0.0.1", wanted["port"], timeout=30)
    connection.request(method, path, headers=headers)
    statuses.append(connection.getresponse().status)
    connection.close()
for name in wanted["files"]:
    try:
        pathlib.Path(name).read_bytes()
        read.append(name)
    except PermissionError:
        pass
print(json.dumps([statuses, read]))
"""


def as_somebody_else(
    port: int, requests: list[tuple[str, str, dict[str, str]]], files: list[Path]
) -> tuple[list[int], list[str]]:
    """The statuses that another user of this machine gets, and which of the files they can read."""
    wanted = {"port": port, "requests": requests, "files": [str(path) for path in files]}
    command = [sys.executable, "-I", "-c", STRANGER]
    told = subprocess.run(
        command, input=json.dumps(wanted), capture_output=True, text=True, timeout=60, check=True
    )
    statuses, read = json.loads(told.stdout)
    return statuses, read


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


ROUTES = [
    ("GET", "/v1/jobs"),
    ("GET", "/v1/assets/asset_x"),
    ("GET", "/v1/teams"),
    ("GET", "/sandbox/ledger"),
    ("GET", "/"),
    ("POST", "/v1/generate/custom/model_alibaba-happy-horse-reference-to-video"),
    ("POST", "/v1/uploads"),
    ("DELETE", "/v1/assets"),
    ("GET", "//v1/jobs"),
    ("GET", "/v1/../v1/jobs"),
    ("GET", "/cdn/../v1/jobs"),
    ("GET", "/cdn/%2e%2e/v1/jobs"),
    ("GET", "/storage/..%2fv1/jobs"),
]


def test_another_user_of_this_machine_gets_nothing_from_a_sessions_sandbox(
    open_session: OpenSession, open_folder: Path
) -> None:
    session = open_session(None, home=open_folder / "home")
    session.generate("character1 waves", [picture()], duration=3).wait(LONG)
    (server,) = psutil.Process().children()
    family = [server, *server.children(recursive=True)]
    listening = [entry for one in family for entry in one.net_connections("inet") if entry.status == "LISTEN"]
    assert {entry.laddr.ip for entry in listening} == {"127.0.0.1"}
    (port,) = {entry.laddr.port for entry in listening}
    key, secret = (server.environ()[f"HAPPYHORSE_SANDBOX_{name}"] for name in ("KEY", "SECRET"))
    assert len(key) >= 32
    assert key != secret

    guessed = base64.b64encode(f"{secrets.token_urlsafe(24)}:{secret}".encode()).decode()
    requests = [(*route, {}) for route in ROUTES]
    requests.append(("GET", "/v1/jobs", {"Authorization": f"Basic {guessed}"}))
    kept = [path for path in (open_folder / "home" / "sandbox").rglob("*") if path.is_file()]
    statuses, read = as_somebody_else(port, requests, [*kept, Path(f"/proc/{server.pid}/environ")])
    assert set(statuses) <= {401, 403, 404}
    assert statuses[-1] == 401
    # Who is not root cannot become somebody else, but can see what somebody else would be refused by.
    assert read == [] or os.geteuid() != 0
    assert stat.S_IMODE((open_folder / "home" / "sandbox").stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(f"/proc/{server.pid}/environ").stat().st_mode) == 0o400

    for process in family:
        seen = " ".join(process.cmdline())
        assert key not in seen
        assert secret not in seen
    assert {path.name for path in kept} >= {"server.log", "ledger.sqlite3"}
    assert not [
        path for path in kept if key.encode() in path.read_bytes() or secret.encode() in path.read_bytes()
    ]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def port_of(sandbox: SandboxProcess) -> int:
    return int(sandbox.base_url.split(":")[2].split("/")[0])


def right(sandbox: SandboxProcess) -> dict[str, str]:
    return basic(f"{sandbox.key}:{sandbox.secret}")


def test_only_the_whole_pair_opens(sandbox: SandboxProcess) -> None:
    key, secret, port = sandbox.key, sandbox.secret, port_of(sandbox)
    token = right(sandbox)["Authorization"].removeprefix("Basic ")
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Basic {token[:-1]}"},
        {"Authorization": f"Basic {token}x"},
        basic(f"{key}:"),
        basic(f":{secret}"),
        basic(f"{secret}:{key}"),
        basic(f"{key}:{secret[:-1]}"),
        {"Authorization": "Basic \xff"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "root"},
        {"Cookie": f"Authorization=Basic {token}"},
    ]
    assert {ask(port, "GET", "/v1/jobs", headers) for headers in wrong} == {401}
    assert ask(port, "GET", "/v1/jobs", right(sandbox)) == 200
    assert ask(port, "GET", f"/v1/jobs?authorization=Basic%20{token}") == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil.example", ""],
)
def test_a_name_that_was_made_to_lead_here_is_refused_even_with_the_key(
    sandbox: SandboxProcess, host: str
) -> None:
    port = port_of(sandbox)
    headers = {**right(sandbox), "Host": host.format(port=port)}
    assert ask(port, "GET", "/v1/jobs", headers) == 400
    assert ask(port, "GET", "/v1/jobs", {**right(sandbox), "Host": f"localhost:{port}"}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_what_a_web_page_asks_for_is_refused_even_with_the_key(
    sandbox: SandboxProcess, headers: dict[str, str], method: str
) -> None:
    port = port_of(sandbox)
    said = {name: value.format(port=port) for name, value in headers.items()}
    for path in ("/v1/jobs", "/cdn/assets-transform/asset_x"):
        assert ask(port, method, path, {**right(sandbox), **said}) == 403


def test_what_a_person_types_into_a_browser_is_not_refused_for_that(sandbox: SandboxProcess) -> None:
    assert ask(port_of(sandbox), "GET", "/v1/jobs", {**right(sandbox), "Sec-Fetch-Site": "none"}) == 200


def test_no_answer_lets_another_page_read_it(sandbox: SandboxProcess) -> None:
    preflight = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for method, path in (*ROUTES, ("OPTIONS", "/v1/jobs")):
        for headers in ({}, right(sandbox), preflight):
            connection = http.client.HTTPConnection("127.0.0.1", port_of(sandbox), timeout=30)
            connection.request(method, path, headers=headers)
            names = {name.lower() for name, _ in connection.getresponse().getheaders()}
            connection.close()
            assert not [name for name in names if name.startswith("access-control-")]
            assert "www-authenticate" not in names, "a browser would ask for the key, and keep it"


def test_nobody_listens_but_on_loopback(sandbox: SandboxProcess) -> None:
    outside = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    for address in outside:
        with pytest.raises(OSError), socket.create_connection((address, port_of(sandbox)), timeout=5):
            pass
    listening = [
        entry for entry in psutil.Process(sandbox.pid).net_connections("inet") if entry.status == "LISTEN"
    ]
    assert [entry.laddr.ip for entry in listening] == ["127.0.0.1"]
