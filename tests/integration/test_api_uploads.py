"""Multipart uploads: what goes where, what is repeated, and what an upload that fails says."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from happyhorse_widgets.api.client import ScenarioClient
from happyhorse_widgets.api.uploads import PART_SIZE, Pacing
from happyhorse_widgets.errors import (
    HappyHorseError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    ProtocolFault,
    RequestRejected,
    ServerFault,
    TransportFault,
)
from tests.scripted_server import Reply, Reset, ScriptedServer, Seen, call

DATA = bytes(range(256)) * (2 * PART_SIZE // 256) + b"the last, short part"


class Scenario:
    """The upload part of the API, and the storage behind it; `trouble` maps "METHOD path" to replies used up first."""

    def __init__(self, *, statuses: tuple[str, ...] = ("validating", "imported"), **trouble: Any) -> None:
        self.statuses = list(statuses)
        self.trouble: dict[str, list[Reply]] = trouble.pop("trouble", {})
        self.created: list[dict[str, Any]] = []
        self.stored: dict[str, bytes] = {}
        self.extra: dict[str, Any] = trouble
        self.url = ""

    def __call__(self, seen: Seen) -> Reply:
        path = seen.target.partition("?")[0]
        key = re.sub(r"\d+", "N", f"{seen.method} {path}")
        if self.trouble.get(key):
            return self.trouble[key].pop(0)
        match seen.method, path:
            case "POST", "/v1/uploads":
                self.created.append(seen.json)
                return Reply(200, {"upload": self.upload("pending")})
            case "PUT", _:
                self.stored[path] = seen.body
                return Reply(200, b"", {"ETag": '"x"'})
            case "POST", _:
                return Reply(200, {"upload": self.upload("complete")})
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Reply(200, {"upload": self.upload(status)})

    def upload(self, status: str) -> dict[str, Any]:
        number = len(self.created)
        parts = [
            {
                "number": n,
                "url": f"{self.url}/bucket/{number}/{n}?X-Amz-Signature=s",
                "expires": "2026-01-31T13:00:00Z",
            }
            for n in range(self.created[-1]["parts"], 0, -1)
        ]
        done = {"entityId": "asset_9"} if status == "imported" else {}
        return {"id": f"up_{number}", "status": status, "parts": parts} | done | self.extra


def upload(
    scenario: Scenario, data: bytes = DATA, **settings: Any
) -> tuple[Any, ScriptedServer, list[tuple[int, int]]]:
    """The result or error of one upload, the server it went to, and the progress it told."""
    told: list[tuple[int, int]] = []

    async def use(client: ScenarioClient) -> Any:
        try:
            return await client.upload(
                data, name="a horse.png", media_type="image/png", progress=lambda *sent: told.append(sent)
            )
        except HappyHorseError as error:
            return error

    with ScriptedServer(script=scenario) as server:
        scenario.url = server.url
        return call(server, use, **settings), server, told


def test_the_bytes_arrive_in_parts_and_the_asset_id_comes_back() -> None:
    scenario = Scenario()
    result, server, told = upload(scenario)
    assert result == "asset_9"
    assert scenario.created == [
        {
            "kind": "image",
            "fileName": "a horse.png",
            "contentType": "image/png",
            "fileSize": len(DATA),
            "parts": 3,
        }
    ]
    parts = [scenario.stored[f"/bucket/1/{n}"] for n in (1, 2, 3)]
    assert [len(part) for part in parts] == [PART_SIZE, PART_SIZE, 20]
    assert b"".join(parts) == DATA
    assert [f"{seen.method} {seen.target}" for seen in server.seen if seen.method != "PUT"] == [
        "POST /v1/uploads?projectId=proj_1",
        "POST /v1/uploads/up_1/action?projectId=proj_1",
        "GET /v1/uploads/up_1?projectId=proj_1",
        "GET /v1/uploads/up_1?projectId=proj_1",
    ]
    assert told[0] == (2**20, len(DATA))
    assert told[-1] == (len(DATA), len(DATA))
    assert [sent for sent, _ in told] == sorted({sent for sent, _ in told})


def test_storage_gets_a_length_and_no_credentials() -> None:
    _, server, _ = upload(Scenario())
    puts = [seen for seen in server.seen if seen.method == "PUT"]
    assert len(puts) == 3
    for seen in puts:
        assert seen.headers["content-length"] == str(len(seen.body))
        assert not {"transfer-encoding", "authorization", "cookie", "content-type"} & set(seen.headers)


@pytest.mark.parametrize("trouble", [Reset(), Reply(500, b"<Error/>"), Reply(503, b"", {"Retry-After": "0"})])
def test_a_part_that_failed_is_sent_again_whole(trouble: Reply) -> None:
    scenario = Scenario(trouble={"PUT /bucket/N/N": [trouble, trouble]})
    result, server, told = upload(scenario)
    assert result == "asset_9"
    assert Counter(seen.target.partition("?")[0] for seen in server.seen if seen.method == "PUT") == {
        "/bucket/1/1": 3,
        "/bucket/1/2": 1,
        "/bucket/1/3": 1,
    }
    assert b"".join(scenario.stored[f"/bucket/1/{n}"] for n in (1, 2, 3)) == DATA
    assert [sent for sent, _ in told] == sorted({sent for sent, _ in told})


def test_an_expired_address_begins_a_new_upload() -> None:
    scenario = Scenario(trouble={"PUT /bucket/N/N": [Reply(403, b"<Error>Request has expired</Error>")] * 2})
    result, server, _ = upload(scenario)
    assert (result, len(scenario.created)) == ("asset_9", 3)
    assert server.count("POST", "/v1/uploads/up_3/action") == 1


def test_addresses_that_are_always_expired_are_an_error_without_their_url() -> None:
    scenario = Scenario(trouble={"PUT /bucket/N/N": [Reply(403, b"")] * 9})
    result, _, _ = upload(scenario)
    assert isinstance(result, PermissionDenied)
    assert len(scenario.created) == 3
    assert "bucket" not in str(result)
    assert result.__context__ is None


def test_what_storage_refuses_is_not_sent_again() -> None:
    result, server, _ = upload(
        Scenario(trouble={"PUT /bucket/N/N": [Reply(400, b"<Error>EntityTooSmall</Error>")] * 9})
    )
    assert isinstance(result, RequestRejected)
    assert (server.count("PUT", "/bucket"), "Error" in str(result)) == (1, False)


def test_calls_of_an_upload_are_repeated() -> None:
    once = [Reset()]
    scenario = Scenario(
        trouble={
            "POST /vN/uploads": [*once],
            "POST /vN/uploads/up_N/action": [*once],
            "GET /vN/uploads/up_N": [*once],
        }
    )
    result, _, _ = upload(scenario)
    assert result == "asset_9"


def test_a_complete_whose_answer_was_lost_counts() -> None:
    refusals = [Reset(), Reply(400, {"message": "The upload is already complete"})]
    scenario = Scenario(statuses=("complete", "imported"), trouble={"POST /vN/uploads/up_N/action": refusals})
    assert upload(scenario)[0] == "asset_9"


def test_a_complete_that_was_refused_is_told() -> None:
    refusals = [Reply(400, {"message": "Parts are missing"})]
    result, _, _ = upload(Scenario(statuses=("pending",), trouble={"POST /vN/uploads/up_N/action": refusals}))
    assert isinstance(result, RequestRejected)
    assert result.reason == "Parts are missing"


def test_a_failed_import_gives_the_reason() -> None:
    result, _, _ = upload(Scenario(statuses=("failed",), errorMessage="Not an <image>? corrupt\x00 data"))
    assert isinstance(result, RequestRejected)
    result, _, _ = upload(Scenario(statuses=("failed",), errorMessage="corrupt\x00 data"))
    assert result.reason == "corrupt data"
    assert "a horse.png: corrupt data" in str(result)
    result, _, _ = upload(Scenario(statuses=("failed",)))
    assert "it gives no reason" in str(result)


def test_an_import_that_never_ends_is_given_up() -> None:
    result, _, _ = upload(Scenario(statuses=("validating",)), pacing=Pacing(first=0, most=0, limit=0.2))
    assert isinstance(result, ServerFault)
    assert "within 0.2 seconds" in str(result)


def test_unknown_statuses_are_waited_through() -> None:
    assert upload(Scenario(statuses=("pending", "scanning", "imported")))[0] == "asset_9"


@pytest.mark.parametrize(
    "extra",
    [
        {"parts": []},
        {"parts": [{"number": 1, "url": "https://s3.example/1"}]},
        {"parts": [{"number": n, "url": "https://s3.example/1"} for n in (1, 1, 2)]},
        {"id": ""},
    ],
)
def test_addresses_that_do_not_fit_are_a_protocol_fault(extra: dict[str, Any]) -> None:
    result, server, _ = upload(Scenario(**extra))
    assert isinstance(result, ProtocolFault)
    assert server.count("PUT", "/") == 0


def test_nothing_is_put_over_plain_http_to_another_machine() -> None:
    parts = [{"number": 1, "url": "http://s3.example/1?X-Amz-Signature=s"}]
    result, _, _ = upload(Scenario(parts=parts), b"small")
    assert isinstance(result, ProtocolFault)
    assert "s3.example" not in str(result)


def test_an_imported_upload_without_an_asset_is_a_protocol_fault() -> None:
    assert isinstance(upload(Scenario(entityId=None))[0], ProtocolFault)


def test_an_upload_that_vanished_is_not_found() -> None:
    assert isinstance(upload(Scenario(trouble={"GET /vN/uploads/up_N": [Reply(404, b"")]}))[0], NotFound)


def test_an_empty_file_is_not_sent() -> None:
    result, server, _ = upload(Scenario(), b"")
    assert isinstance(result, InvalidRequest)
    assert server.seen == []


def test_storage_that_breaks_off_for_good_is_a_transport_fault() -> None:
    result, _, _ = upload(Scenario(trouble={"PUT /bucket/N/N": [Reset()] * 9}))
    assert isinstance(result, TransportFault)
    assert "bucket" not in str(result)
