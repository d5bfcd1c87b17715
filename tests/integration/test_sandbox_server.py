"""The sandbox as a process: who may talk to it, how it ends and goes on, and what its fault script does to a socket."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psutil
import pytest
from PIL import Image

from happyhorse_widgets.sandbox.worker import Order
from tests.conftest import SandboxProcess, StartSandbox, sandbox_environment

pytestmark = pytest.mark.usefixtures("measured_processes")
MODEL = "model_alibaba-happy-horse-reference-to-video"
GENERATE = f"/v1/generate/custom/{MODEL}"
FAST: dict[str, float] = {"speed": 500, "scale": 0.1}


def image() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (450, 450), "red").save(buffer, "PNG")
    return buffer.getvalue()


def image_id(server: SandboxProcess) -> str:
    answer = server.http.post(
        "/assets", json={"name": "red.png", "image": base64.b64encode(image()).decode()}
    )
    asset_id: str = answer.raise_for_status().json()["asset"]["id"]
    return asset_id


def generate(server: SandboxProcess, image: str, **more: Any) -> httpx2.Response:
    body = {"prompt": "character1 waves", "referenceImages": [image], "resolution": "720P", "duration": 3}
    return server.http.post(f"/generate/custom/{MODEL}", json=body | more)


def job_id_of(answer: httpx2.Response) -> str:
    job_id: str = answer.raise_for_status().json()["job"]["jobId"]
    return job_id


def job(server: SandboxProcess, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.http.get(f"/jobs/{job_id}").raise_for_status().json()["job"]
    return found


def until(done: Callable[[], Any], limit: float = 60.0) -> Any:
    ends = time.monotonic() + limit
    while not (found := done()):
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.02)
    return found


def ended(server: SandboxProcess, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = until(
        lambda: (one := job(server, job_id))["status"] in {"success", "failure", "canceled"} and one
    )
    return found


def exchange(server: SandboxProcess, method: str, path: str, body: bytes = b"") -> bytes:
    """One exchange on a bare socket; what came before the end of the connection."""
    token = base64.b64encode(f"{server.key}:{server.secret}".encode()).decode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {token}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    port = httpx2.URL(server.base_url).port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def charges(server: SandboxProcess) -> list[float]:
    return [one["creativeUnits"] for one in server.ledger()["charges"]]


# Who may talk to it


def test_it_listens_on_loopback_only(start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    assert server.ready == {"base_url": server.base_url, "pid": server.process.pid}
    listening = [
        one.laddr.ip for one in psutil.Process(server.pid).net_connections() if one.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("path", ["/v1/teams", "/v1/jobs", "/v1/nowhere", "/sandbox/ledger", "/"])
def test_strangers_are_turned_away(start_sandbox: StartSandbox, path: str) -> None:
    server = start_sandbox()
    url = server.base_url.removesuffix("/v1") + path
    both = base64.b64encode(f"{server.key}:{server.secret}".encode()).decode()
    for header in (
        None,
        f"Bearer {both}",
        f"Basic {both[:-2]}",
        "Basic",
        f"Basic {base64.b64encode(b'a:b').decode()}",
    ):
        answer = httpx2.get(url, headers={} if header is None else {"authorization": header})
        assert answer.status_code == 401
        assert answer.json()["error"] == "Unauthorized"
    assert httpx2.get(url, headers={"authorization": f"basic {both}"}).status_code != 401


def test_the_key_pair_stays_in_the_environment(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**FAST)
    generate(server, image_id(server))
    worker = until(lambda: psutil.Process(server.pid).children())[0]
    assert not {server.key, server.secret} & set(worker.environ().values())
    assert server.secret not in " ".join(psutil.Process(server.pid).cmdline())
    server.stop()
    kept = b"".join(path.read_bytes() for path in server.home.rglob("*") if path.is_file())
    assert server.key.encode() not in kept and server.secret.encode() not in kept


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "not valid JSON"),
        (b"[]", 400, "JSON object"),
        (b'"' + b"a" * 10_000_001 + b'"', 413, "too long"),
    ],
)
def test_bodies_that_are_no_json_object_are_refused(
    start_sandbox: StartSandbox, body: bytes, status: int, reason: str
) -> None:
    answer = start_sandbox().http.post(f"/generate/custom/{MODEL}", content=body)
    assert (answer.status_code, reason in answer.json()["reason"]) == (status, True)


# How it begins, ends and goes on


def run_it(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "happyhorse_widgets.sandbox",
        "--home",
        str(tmp_path / "home"),
        *arguments,
    ]
    environment = sandbox_environment() | environment
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("[,", "malformed"),
        ('{"fault": "reset"}', "Expected `array`"),
        ('[{"fault": "rest"}]', "$[0].fault"),
        ('[{"fault": "latency"}]', "missing required field `seconds`"),
        ('[{"fault": "reset"}, {"fault": "latency", "secs": 1}]', "$[1]"),
        ('[{"fault": "reset", "match": {"probability": 2}}]', "$[0].match.probability"),
    ],
)
def test_a_wrong_fault_script_is_named_at_the_start(tmp_path: Path, script: str, named: str) -> None:
    (tmp_path / "faults.json").write_text(script)
    done = run_it(tmp_path, "--faults", str(tmp_path / "faults.json"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "faults.json is wrong" in done.stderr and named in done.stderr


def test_what_cannot_work_is_said_at_the_start(tmp_path: Path, start_sandbox: StartSandbox) -> None:
    port = str(httpx2.URL(start_sandbox().base_url).port)
    (tmp_path / "home").write_text("a file where a folder belongs")
    for done, said in (
        (run_it(tmp_path), "--home"),
        (run_it(tmp_path, "--port", port), "--port"),
        (run_it(tmp_path, "--faults", "nowhere.json"), "nowhere.json cannot be read"),
        (run_it(tmp_path, "--speed", "0"), "not above 0"),
        (run_it(tmp_path, HAPPYHORSE_SANDBOX_KEY="only the key"), "HAPPYHORSE_SANDBOX_SECRET"),
    ):
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_without_a_key_pair_it_makes_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "happyhorse_widgets.sandbox", "--home", str(tmp_path)]
    with subprocess.Popen(
        command, env=sandbox_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        ready = json.loads(server.stdout.readline())
        told = dict(
            line.strip().split("=", 1) for line in (server.stderr.readline() for _ in range(3)) if "=" in line
        )
        answer = httpx2.get(f"{ready['base_url']}/teams", auth=tuple(told.values()))
        server.terminate()
    assert answer.status_code == 200
    assert list(told) == ["SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET"]
    assert server.returncode == -signal.SIGTERM


def test_a_job_under_way_outlives_its_server(start_sandbox: StartSandbox) -> None:
    first = start_sandbox(speed=20, scale=0.1)
    job_id = job_id_of(generate(first, image_id(first), seed=3))
    until(lambda: job(first, job_id)["status"] == "in-progress")
    before = job(first, job_id)
    first.kill()

    second = start_sandbox(speed=20, scale=0.1)
    assert job(second, job_id)["createdAt"] == before["createdAt"]
    assert job(second, job_id)["progress"] >= before["progress"]
    done = ended(second, job_id)
    assert done["status"] == "success"
    assert charges(second) == [18]
    asset = second.http.get(f"/assets/{done['metadata']['assetIds'][0]}").json()["asset"]
    assert len(httpx2.get(asset["url"]).content) == asset["properties"]["size"]


def test_a_video_that_was_being_rendered_is_rendered_after_a_kill(start_sandbox: StartSandbox) -> None:
    first = start_sandbox(speed=1000, scale=0.2, workers=1)
    job_id = job_id_of(generate(first, image_id(first), resolution="1080P", duration=15))
    worker = until(lambda: psutil.Process(first.pid).children())[0]
    until(lambda: list((first.home / "rendering").iterdir()))
    first.kill()
    worker.wait(20)

    second = start_sandbox(speed=1000, scale=0.1)
    assert ended(second, job_id)["status"] == "success"
    assert charges(second) == [150]


def test_a_job_is_no_success_before_its_video_is_there(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(speed=1_000_000, scale=0.1)
    job_id = job_id_of(generate(server, image_id(server)))
    assert job(server, job_id)["status"] == "finalizing"
    done = ended(server, job_id)
    assert done["status"] == "success"
    moments = {one["status"]: one["date"] for one in done["statusHistory"]}
    assert moments["success"] > moments["finalizing"]


def test_a_renderer_that_dies_is_replaced(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(speed=1000, scale=0.2, workers=1)
    job_id = job_id_of(generate(server, image_id(server), duration=5))
    (worker,) = until(lambda: psutil.Process(server.pid).children())
    until(lambda: list((server.home / "rendering").iterdir()))
    worker.kill()
    assert ended(server, job_id)["status"] == "success"


def test_a_job_whose_video_cannot_be_rendered_fails_and_is_refunded(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**FAST, workers=1)
    image = image_id(server)
    (server.home / "files" / image).unlink()
    done = ended(server, job_id_of(generate(server, image)))
    assert (done["status"], "could not be rendered" in done["metadata"]["error"]) == ("failure", True)
    assert charges(server) == [18, -18]


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    child = [sys.executable, "-m", "happyhorse_widgets.sandbox", "--die-with-parent", "--home", str(tmp_path)]
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import subprocess; subprocess.Popen({child!r}, stdin=subprocess.PIPE).wait()",
        ],
        env=sandbox_environment() | {"HAPPYHORSE_SANDBOX_KEY": "k", "HAPPYHORSE_SANDBOX_SECRET": "s"},
        stdout=subprocess.PIPE,
    )
    with parent:
        server = psutil.Process(json.loads(parent.stdout.readline())["pid"])
        parent.kill()
        server.wait(20)
    assert not server.is_running()


def test_a_renderer_whose_server_is_gone_begins_nothing(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(image())
    order = Order(
        model_id="m",
        prompt="a",
        images=[str(tmp_path / "image")],
        aspect_ratio="16:9",
        resolution="720P",
        duration=3,
        seed=1,
        draft=str(tmp_path / "draft.mp4"),
        target=str(tmp_path / "target"),
        first_frame=str(tmp_path / "first"),
        last_frame=str(tmp_path / "last"),
        scale=0.1,
    )
    command = [sys.executable, "-m", "happyhorse_widgets.sandbox.worker"]
    line = msgspec.json.encode(order) + b"\n"
    done = subprocess.run(command, input=line, capture_output=True, env=sandbox_environment(), check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert not (tmp_path / "target").exists()


def test_closing_stdin_ends_it_cleanly_in_the_middle_of_a_video(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(speed=1000, workers=1)
    generate(server, image_id(server), resolution="1080P", duration=15)
    (worker,) = until(lambda: psutil.Process(server.pid).children())
    until(lambda: list((server.home / "rendering").iterdir()))
    assert server.stop() == 0
    worker.wait(60)
    # It left the video, and did not finish it.
    assert len(list((server.home / "rendering").iterdir())) == 1
    assert len(list((server.home / "files").iterdir())) == 1
    assert server.log() == ""


def test_what_was_left_behind_is_swept_away_in_time(start_sandbox: StartSandbox) -> None:
    home = start_sandbox().home
    for name, age in (
        ("parts/old", 8000),
        ("rendering/old.mp4", 8000),
        ("rendering/new.mp4", 60),
        ("files/old", 8000),
    ):
        (home / name).write_bytes(b"")
        os.utime(home / name, (time.time() - age,) * 2)
    start_sandbox()
    left = [
        str(path.relative_to(home))
        for name in ("parts", "rendering", "files")
        for path in (home / name).iterdir()
    ]
    assert sorted(left) == ["files/old", "rendering/new.mp4"]


def test_a_video_is_not_to_be_seen_before_its_job_is_a_success(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(speed=1, scale=0.1)
    generate(server, image_id(server))
    with contextlib.closing(sqlite3.connect(server.home / "ledger.sqlite3")) as ledger:
        made = until(
            lambda: (
                len(rows := ledger.execute("SELECT asset_id FROM assets").fetchall()) == 4
                and [one for (one,) in rows]
            )
        )
    found = server.http.post("/assets/get-bulk", json={"assetIds": made}).json()["assets"]
    assert [asset["source"] for asset in found] == ["uploaded"]


def test_two_servers_share_one_ledger(start_sandbox: StartSandbox) -> None:
    one, two = (start_sandbox(**FAST, workers=1, parallel=20) for _ in range(2))
    image = image_id(one)
    job_ids = [
        job_id_of(generate(server, image, seed=number)) for number in range(3) for server in (one, two)
    ]
    for job_id in job_ids:
        assert ended(two, job_id)["status"] == "success"
    assert one.ledger()["jobs"] == two.ledger()["jobs"]
    assert charges(one) == [18] * 6


def test_the_plans_limit_holds_for_two_servers_together(start_sandbox: StartSandbox) -> None:
    one, two = (start_sandbox(speed=1, scale=0.1, parallel=2) for _ in range(2))
    image = image_id(one)
    answers = [generate(server, image) for server in (one, two, one, two)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[2].json()["details"] == {"actionName": "parallelCustomJobs", "actionLimit": 2}
    assert charges(one) == [18, 18]


def test_the_plans_limit_frees_a_place_when_a_job_ends(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**FAST, parallel=1)
    image = image_id(server)
    first = job_id_of(generate(server, image))
    assert generate(server, image).status_code == 429
    assert server.http.post(f"/generate/custom/{MODEL}?dryRun=true", json={}).status_code == 400
    ended(server, first)
    assert generate(server, image).status_code == 200


# Its clock, and its record


@pytest.mark.parametrize("offset", [7200, -7200])
def test_its_clock_can_be_off(start_sandbox: StartSandbox, offset: int) -> None:
    server = start_sandbox(**FAST, clock_offset=offset)
    done = ended(server, job_id_of(generate(server, image_id(server))))
    (asset_id,) = done["metadata"]["assetIds"]
    answer = server.http.get(f"/assets/{asset_id}").raise_for_status()
    told = [parsedate_to_datetime(answer.headers["date"])]
    told += [datetime.fromisoformat(done[name]) for name in ("createdAt", "updatedAt")]
    told += [datetime.fromisoformat(answer.json()["asset"][name]) for name in ("createdAt", "updatedAt")]
    for moment in told:
        assert moment.timestamp() - time.time() == pytest.approx(offset, abs=60)
    assert httpx2.get(answer.json()["asset"]["url"]).is_success  # its address is valid by the same clock


def test_every_request_is_written_down_as_it_comes(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    record = tmp_path / "requests.jsonl"
    server = start_sandbox(
        record=record, faults=[{"match": {"path": "/v1/teams"}, "fault": "reset"}], clock_offset=100
    )
    url = server.http.get(f"/assets/{image_id(server)}").raise_for_status().json()["asset"]["url"]
    httpx2.get(url, headers={"Range": "bytes=5-"}).raise_for_status()
    with pytest.raises(httpx2.TransportError):
        server.http.get("/teams", params={"a": "1"}, headers={"User-Agent": "somebody"})
    assert httpx2.get(f"{server.base_url}/jobs").status_code == 401
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["method"], line["path"].rpartition("/")[0]) for line in lines] == [
        ("POST", "/v1"),
        ("GET", "/v1/assets"),
        ("GET", "/cdn/assets-transform"),
        ("GET", "/v1"),
        ("GET", "/v1"),
    ]
    assert (lines[2]["query"], lines[2]["range"]) == ("", "bytes=5-")
    assert (lines[3]["query"], lines[3]["agent"]) == ("a=1", "somebody")
    assert lines[3]["at"] - time.time() == pytest.approx(100, abs=60)
    assert "Signature" not in record.read_text()


# Faults


def test_latency_delays_and_nothing_else(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(faults=[{"match": {"path": "/v1/teams"}, "fault": "latency", "seconds": 0.5}])
    with pytest.raises(httpx2.ReadTimeout):
        server.http.get("/teams", timeout=0.1)
    assert server.http.get("/teams").status_code == 200


def test_a_status_instead_of_an_answer(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        faults=[
            {
                "match": {"path": GENERATE, "query": {"dryRun": None}, "times": 1},
                "fault": "status",
                "status": 429,
                "retryAfter": 7,
                "details": {"actionLimit": 2},
            },
            {"match": {"path": GENERATE, "times": 1}, "fault": "status", "status": 502, "html": True},
        ]
    )
    image = image_id(server)
    limited = generate(server, image)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.json()["details"] == {"actionLimit": 2}
    gateway = generate(server, image)
    assert (gateway.status_code, gateway.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert charges(server) == []
    assert generate(server, image).status_code == 200


def test_an_error_can_hide_a_charge(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        faults=[
            {"match": {"path": GENERATE, "times": 1}, "fault": "status", "status": 500, "processed": True},
            {"match": {"path": GENERATE}, "fault": "status", "status": 504, "processed": True, "after": 1},
        ]
    )
    image = image_id(server)
    assert generate(server, image).status_code == 500
    assert charges(server) == [18]
    assert generate(server, image).status_code == 504
    assert charges(server) == [18]
    until(lambda: charges(server) == [18, 18])


@pytest.mark.parametrize("close", ["rst", "fin"])
@pytest.mark.parametrize(("fault", "paid"), [("reset", []), ("lost_answer", [18])])
def test_connections_end_at_the_socket(
    start_sandbox: StartSandbox, close: str, fault: str, paid: list[float]
) -> None:
    server = start_sandbox(faults=[{"match": {"path": GENERATE}, "fault": fault, "close": close}])
    inputs = {"prompt": "a", "referenceImages": [image_id(server)], "resolution": "720P", "duration": 3}
    if close == "rst":
        with pytest.raises(ConnectionResetError):
            exchange(server, "POST", GENERATE, json.dumps(inputs).encode())
    else:
        assert exchange(server, "POST", GENERATE, json.dumps(inputs).encode()) == b""
    assert charges(server) == paid
    assert server.log() == ""


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_answers_are_cut(start_sandbox: StartSandbox, fraction: float) -> None:
    server = start_sandbox(
        faults=[{"match": {"path": "/v1/teams"}, "fault": "truncate", "fraction": fraction}]
    )
    head, _, body = exchange(server, "GET", "/v1/teams").partition(b"\r\n\r\n")
    promised = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == int(promised * fraction)
    assert server.log() == ""


def test_downloads_are_cut_in_the_middle(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(faults=[{"match": {"path": "/cdn/*", "times": 1}, "fault": "truncate"}])
    noise = io.BytesIO()
    Image.frombytes("RGB", (900, 900), os.urandom(900 * 900 * 3)).save(noise, "PNG")
    image = base64.b64encode(noise.getvalue()).decode()
    url = server.http.post("/assets", json={"name": "a", "image": image}).json()["asset"]["url"]
    whole = noise.getvalue()
    with httpx2.Client() as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(url)
        resumed = client.get(url, headers={"range": f"bytes={len(whole) // 2}-"})
    assert resumed.content == whole[len(whole) // 2 :]
    assert server.log() == ""


def test_redirects(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        faults=[{"match": {"method": "POST"}, "fault": "redirect", "location": "/v1/elsewhere"}]
    )
    answer = server.http.post(f"/generate/custom/{MODEL}", json={})
    assert (answer.status_code, answer.headers["location"]) == (307, "/v1/elsewhere")


@pytest.mark.parametrize(
    ("rule", "status", "paid"),
    [
        ({"outcome": "failure"}, "failure", [18, -18]),
        ({"outcome": "failure", "disableRefund": True}, "failure", [18]),
        ({"outcome": "moderation"}, "failure", [18, -18]),
        ({"outcome": "canceled"}, "canceled", [18, -18]),
    ],
)
def test_jobs_end_as_told(
    start_sandbox: StartSandbox, rule: dict[str, Any], status: str, paid: list[float]
) -> None:
    server = start_sandbox(**FAST, faults=[{"match": {"path": GENERATE}, "fault": "job", **rule}])
    done = ended(server, job_id_of(generate(server, image_id(server))))
    assert done["status"] == status
    assert done["metadata"]["assetIds"] == []
    assert bool(done["metadata"].get("error")) == (status == "failure")
    assert done["billing"].get("disableRefund", False) == rule.get("disableRefund", False)
    assert charges(server) == paid


def test_a_stalled_job_stays_as_it_is(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        **FAST, faults=[{"match": {"path": GENERATE, "times": 1}, "fault": "job", "outcome": "stall"}]
    )
    image = image_id(server)
    stalled, other = (job_id_of(generate(server, image)) for _ in range(2))
    ended(server, other)
    found = until(lambda: (one := job(server, stalled))["progress"] > 0.25 and one)
    assert found["status"] == "in-progress"
    assert job(server, stalled) == found


def test_a_cancel_can_be_granted(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        speed=1, faults=[{"match": {"path": "/v1/jobs/*/action"}, "fault": "allow_cancel"}]
    )
    job_id = job_id_of(generate(server, image_id(server)))
    answer = server.http.post(f"/jobs/{job_id}/action", json={"action": "cancel"})
    assert answer.json()["job"]["status"] == job(server, job_id)["status"] == "canceled"
    assert charges(server) == [18, -18]
    assert server.http.post(f"/jobs/{job_id}/action", json={"action": "cancel"}).status_code == 400


def test_lists_lag(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        speed=1, faults=[{"match": {"path": "/v1/jobs"}, "fault": "list_lag", "seconds": 1.5}]
    )
    job_id = job_id_of(generate(server, image_id(server)))
    assert server.http.get("/jobs").json() == {"jobs": []}
    assert job(server, job_id)["jobId"] == job_id
    until(lambda: [one["jobId"] for one in server.http.get("/jobs").json()["jobs"]] == [job_id])


def test_pages_can_be_empty_while_a_token_remains(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        speed=1,
        faults=[{"match": {"path": "/v1/jobs", "query": {"type": None}}, "fault": "empty_pages", "pages": 2}],
    )
    job_id = job_id_of(generate(server, image_id(server)))
    pages, token = [], ""
    while token is not None:
        page = server.http.get("/jobs", params={"types": "custom", "paginationToken": token}).json()
        pages.append([one["jobId"] for one in page["jobs"]])
        token = page.get("nextPaginationToken")
    assert pages == [[], [], [job_id]]
    # Without the fault, a page is empty when all that was read for it was filtered out.
    page = server.http.get("/jobs", params={"type": "inference", "pageSize": 1}).json()
    assert page["jobs"] == [] and page["nextPaginationToken"]


def test_addresses_can_be_expired_when_they_come(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        faults=[{"match": {"method": "GET", "path": "/v1/assets/*", "times": 1}, "fault": "expired_url"}]
    )
    path = f"/assets/{image_id(server)}"
    expired, good = (server.http.get(path).json()["asset"]["url"] for _ in range(2))
    assert httpx2.get(expired).status_code == 403
    assert httpx2.get(good).status_code == 200


def test_downloads_can_ignore_ranges_or_change(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(
        faults=[
            {"match": {"path": "/cdn/*", "skip": 1, "times": 1}, "fault": "ignore_range"},
            {"match": {"path": "/cdn/*", "skip": 2}, "fault": "changed_etag"},
        ]
    )
    url = server.http.get(f"/assets/{image_id(server)}").json()["asset"]["url"]
    whole = httpx2.get(url)
    ranged = {"range": "bytes=5-", "if-range": whole.headers["etag"]}
    ignored = httpx2.get(url, headers=ranged)
    assert (ignored.status_code, ignored.content) == (200, whole.content)
    changed = httpx2.get(url, headers=ranged)
    assert (changed.status_code, changed.headers["etag"] != whole.headers["etag"]) == (200, True)


def test_strangers_meet_no_faults(start_sandbox: StartSandbox) -> None:
    server = start_sandbox(faults=[{"match": {"times": 1}, "fault": "status", "status": 500}])
    assert httpx2.get(f"{server.base_url}/teams").status_code == 401
    assert server.http.get("/teams").status_code == 500
    assert server.http.get("/teams").status_code == 200
