"""A canary through a whole working day: one known key pair, a notebook in a real kernel, and servers that misbehave.

The notebook makes clips that arrive and clips that do not, shows a Studio, cards and verbose tracebacks, and keeps a log of
everything at DEBUG. The servers take the key where it belongs, repeat it in their answers, and write down what they
are told. Afterwards no part of the key is anywhere but in the header of the API's own calls.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

import happyhorse_widgets
from tests.canary import KEY, SECRET, TOKEN, traces, traces_in
from tests.conftest import SandboxProcess, sandbox_environment
from tests.scripted_server import Reply, Reset, ScriptedServer, Seen

if TYPE_CHECKING:
    import nbformat

IMAGES = Path(__file__).parents[2] / "notebooks" / "images"
SIGNATURE = re.compile(rb"(?:Signature|Policy|Key-Pair-Id)=[\w~%-]{8}")
ECHO = f"The key {KEY} with {SECRET} ({TOKEN}; {KEY[:9]}…) is not what {SECRET[-8:]} was; see https://x.example/?Signature=abcdefghij"

SET_UP = """
import logging, os, pathlib, pickle, psutil, sys
logging.basicConfig(filename="log.txt", level=logging.DEBUG, force=True)
for name in ("httpx2", "httpcore2", "asyncio", "hpack", "anyio", "happyhorse_widgets", "traitlets", "ipykernel"):
    logging.getLogger(name).setLevel(logging.DEBUG)
import happyhorse_widgets as hh
from tests.sessions import LONG, QUICK
from tests.integration.test_api_secrets import described
def pair(key="SCENARIO_SDK_API_KEY", secret="SCENARIO_SDK_API_SECRET"):
    return os.environ[key], os.environ[secret]
errors = []
def outcome(clip):
    try:
        clip.wait(LONG)
    except Exception as error:
        errors.append(error)
        raise
"""
CELLS = [
    SET_UP,
    "%xmode Verbose",
    "session = hh.connect(settings=QUICK)\nsession",
    "studio = hh.Studio(references=['fox.png'], prompt='character1 waves')\nstudio",
    "clip = hh.generate('character1 waves', ['fox.png', 'astronaut.png'], duration=3)\nclip",
    "await clip",
    "clip.video()",
    *(
        f"lost = hh.generate('character1 meets [{fault}]', ['fox.png'], duration=3)\ndisplay(lost)\noutcome(lost)"
        for fault in ("400", "401", "403", "500", "307", "reset", "close", "cut", "html", "failed")
    ),
    "session.estimate('character1 asks [estimate]', ['fox.png'], duration=4)",
    "hh.connect(*pair(), budget='much')",
    "hh.connect(*pair(), home='log.txt/home')",
    "hh.connect(*pair(), base_url='http://example.com/v1')",
    "hh.connect(pair()[0], '')",
    "hh.connect(pair()[0], pair()[1] + chr(10) + 'x')",
    "hh.connect(pair()[0].encode(), pair()[1].encode())",
    "hh.connect(int.from_bytes(pair()[0].encode()), 'secret')",
    "pickle.dumps(session)",
    "import copy; copy.deepcopy(session)",
    "raise errors[0] from None",
    """
import traceback
attempts = [
    lambda: hh.connect(*pair(), budget="much"),
    lambda: hh.connect(*pair(), home="log.txt/home"),
    lambda: hh.connect(*pair(), base_url="ftp://example.com"),
    lambda: hh.connect(pair()[0] + ":" + pair()[1], pair()[1]),
    lambda: session.estimate("character1 asks [estimate]", ["fox.png"], duration=5),
    lambda: hh.Studio(session, references=["absent.png"]),
    lambda: hh.Studio(session, key=1),
]
for attempt in attempts:
    try:
        attempt()
    except Exception as error:
        errors.append(error)
for error in errors:  # with every variable of every frame
    print(*traceback.TracebackException.from_exception(error, capture_locals=True).format())
print(len(errors), "tracebacks with all their variables")
""",
    """
public = [session, studio, clip, *session.clips, *errors, session.settings, session.clips, clip.request, hh, hh.connect]
for thing in public:
    print(repr(thing), str(thing), vars(thing) if hasattr(thing, "__dict__") else "")
    try:
        print(pickle.dumps(thing, 0))
    except Exception as error:
        print("no pickle", error)
print(described(session, 9))
print(described(studio, 7))
for made in session.clips:
    print(made.to_dict(), *(made.code(language) for language in ("python", "curl", "javascript")))
""",
    """
from tests.canary import traces
def family(word):
    for process in psutil.Process().children(recursive=True):
        environment = str(process.environ())
        print(word, process.cmdline(), len(environment), traces(environment))
family("before")
import threading
simulated = hh.connect(sandbox=True, home="simulated", settings=QUICK)
second = simulated.generate("character1 waves", ["fox.png"], duration=3)
while not second.is_over:
    family("meanwhile")
    threading.Event().wait(0.2)
family("after")
print(psutil.Process().cmdline())
""",
    "simulated.close(); session.close(); clip",
]


@dataclass
class Day:
    """What was left behind."""

    folder: Path
    notebook: nbformat.NotebookNode
    messages: str
    html: str
    api: list[Seen]
    cdn: list[Seen]
    storage: list[Seen]
    elsewhere: list[Seen]

    def said(self, word: str) -> bool:
        return word in self.messages


class Front:
    """Passes requests on to a sandbox, with the addresses of files in its answers put on other servers."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self._client = httpx2.Client(timeout=30, follow_redirects=False)
        self._origin = sandbox.base_url.removesuffix("/v1")
        self.moved: dict[str, str] = {}
        self._hiccups = {"/v1/jobs": [Reply(500, {"reason": ECHO}), Reset(), Reply(429, {"reason": ECHO})]}

    def pass_on(self, seen: Seen) -> Reply:
        dropped = ("host", "connection", "content-length", "accept-encoding")
        headers = {name: value for name, value in seen.headers.items() if name not in dropped}
        answer = self._client.request(
            seen.method, self._origin + seen.target, content=seen.body, headers=headers
        )
        body = answer.content
        for path, server in self.moved.items():
            body = body.replace(f"{self._origin}/{path}/".encode(), f"{server}/{path}/".encode())
        kept = ("content-type", "etag", "content-range", "date", "accept-ranges")
        return Reply(
            answer.status_code, body, {name: answer.headers[name] for name in kept if name in answer.headers}
        )

    def api(self, seen: Seen) -> Reply:
        path = seen.target.partition("?")[0]
        if seen.method == "GET" and self._hiccups.get(path):
            return self._hiccups[path].pop(0)
        if "dryRun" in seen.target:
            return Reply(400, {"reason": ECHO}) if b"[estimate]" in seen.body else self.pass_on(seen)
        word = re.search(rb"\[(\w+)\]", seen.body) if path.startswith("/v1/generate/custom/") else None
        match word and word[1].decode():
            case "400" | "401" | "403" | "500" as status:
                return Reply(int(status), {"message": ECHO, "details": {"actionName": ECHO}})
            case "307":
                return Reply(307, b"", {"Location": f"{self.moved['elsewhere']}/v1/generate"})
            case "reset":
                return Reset()
            case "close":
                return Reply(raw=b"", close=True)
            case "cut":
                return Reply(200, json.dumps({"job": {"jobId": ECHO}}).encode(), announced=5000, close=True)
            case "html":
                return Reply(200, f"<html>{ECHO}</html>".encode())
            case "failed":
                reply = self.pass_on(Seen(seen.method, seen.target, seen.headers, seen.body, 0))
                self._failing = json.loads(reply.body)["job"]["jobId"]
                return reply
            case _:
                return self._echoing(self.pass_on(seen))

    def _echoing(self, reply: Reply) -> Reply:
        """The same answer, where the job that is to fail has failed, with words that repeat the key."""
        failing = getattr(self, "_failing", None)
        if failing is None or failing.encode() not in reply.body:
            return reply
        answer = json.loads(reply.body)
        for job in answer.get("jobs", [answer.get("job")]):
            if job and job.get("jobId") == failing:
                whole = f"{KEY} with {SECRET} ({TOKEN})"
                told = {**job["metadata"], "error": whole, "hint": whole}
                job |= {"status": "failure", "metadata": told}
        return Reply(reply.status, json.dumps(answer).replace("/", "\\/").encode(), reply.headers)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    import nbformat  # these take seconds, and other tests need none of them
    from nbconvert import HTMLExporter

    from tests.listener import Listener

    folder = tmp_path_factory.mktemp("day")
    work = folder / "work"
    work.mkdir()
    for name in ("fox.png", "astronaut.png"):
        (work / name).write_bytes((IMAGES / name).read_bytes())
    box = SandboxProcess(folder / "scenario", ["--speed=400", "--scale=0.1"], (KEY, SECRET))
    front = Front(box)

    def cdn_script(seen: Seen) -> Reply:
        # Content networks redirect now and then.
        return Reply(302, b"", {"Location": front.moved["elsewhere"] + seen.target})

    with ExitStack() as stack:
        stack.callback(box.stop)
        api, cdn, storage, elsewhere = (
            stack.enter_context(ScriptedServer(script=script))
            for script in (front.api, cdn_script, front.pass_on, front.pass_on)
        )
        front.moved = {"cdn": cdn.url, "storage": storage.url, "elsewhere": elsewhere.url}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
        listener = Listener(
            notebook,
            timeout=120,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": str(work)}},
        )
        environment = sandbox_environment() | {
            "SCENARIO_SDK_API_KEY": KEY,
            "SCENARIO_SDK_API_SECRET": SECRET,
            "SCENARIO_BASE_URL": f"{api.url}/v1",
            "PYTHONPATH": f"{Path(__file__).parents[2]}",
        }
        listener.execute(env=environment)
        nbformat.write(notebook, work / "day.ipynb")
        html, _ = HTMLExporter().from_notebook_node(notebook)
        (work / "day.html").write_text(html)
        yield Day(
            work, notebook, "\n".join(listener.heard), html, api.seen, cdn.seen, storage.seen, elsewhere.seen
        )


def test_the_day_went_as_it_should_so_that_its_silence_means_something(day: Day) -> None:
    ends = {
        name: day.said(word)
        for name, word in {
            "a clip that is done": "'state': 'done'",
            "one that was refused": "JobRejected",
            "one that failed": "JobFailed",
            "one that is not certain": "JobUncertain",
            "verbose tracebacks": "credentials",
            "an error of the configuration": "ConfigurationError",
            "an error of the library": "LibraryError",
            "a refusal to pickle": "cannot pickle",
            "tracebacks with variables": "17 tracebacks with all their variables",
            "a Studio": "studio-",
            "a worker process": "sandbox.worker",
            "what the server said of a request": "with [secret] ([secret]; [secret]",
            "what it said of a job": "The job failed: [secret] with [secret] ([secret])",
        }.items()
    }
    assert [name for name, there in ends.items() if not there] == []
    log = (day.folder / "log.txt").read_text()
    assert "httpcore2.http11" in log
    assert len(log) > 50_000
    assert day.notebook.metadata.widgets
    assert len(day.html) > 300_000
    assert {"home", "log.txt", "day.ipynb"} <= {path.name for path in day.folder.iterdir()} | {"home"}


def test_the_key_is_in_the_header_of_the_apis_calls(day: Day) -> None:
    assert len(day.api) > 30
    assert {seen.headers["authorization"] for seen in day.api} == {f"Basic {TOKEN}"}
    for seen in day.api:
        others = {name: value for name, value in seen.headers.items() if name != "authorization"}
        assert traces(f"{seen.target} {others}") == []
        assert traces(seen.body) == []


def test_the_hosts_of_files_and_redirects_are_told_nothing(day: Day) -> None:
    for place, requests in {"CDN": day.cdn, "storage": day.storage, "elsewhere": day.elsewhere}.items():
        assert requests, place
        for seen in requests:
            assert not {"authorization", "cookie", "referer"} & set(seen.headers)
            assert traces(f"{seen.target} {seen.headers}") == []
            assert traces(seen.body) == []
    # The API's own redirect was not followed at all.
    assert {seen.target.split("/")[1] for seen in day.elsewhere} == {"cdn"}


def test_no_message_to_the_browser_has_a_part_of_it(day: Day) -> None:
    assert traces(day.messages) == []


def test_neither_the_notebook_nor_its_export_nor_the_log_nor_any_other_file_has_a_part_of_it(
    day: Day,
) -> None:
    kept = {path.name for path in day.folder.rglob("*") if path.is_file()}
    assert {"log.txt", "day.ipynb", "day.html", "library.sqlite3", "ledger.sqlite3", "server.log"} <= kept
    assert traces_in(day.folder) == {}


def test_no_signed_address_was_kept_or_shown(day: Day) -> None:
    assert any(b"Signature=" in seen.target.encode() for seen in day.cdn)
    files = [path for path in day.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if SIGNATURE.search(path.read_bytes())] == []
    assert SIGNATURE.search(day.messages.encode()) is None


def test_the_search_finds_what_it_looks_for() -> None:
    for text in (
        KEY,
        SECRET,
        TOKEN,
        KEY[3:9],
        SECRET[-6:],
        f"x{TOKEN[4:20]}",
        SECRET.replace("/", "\\/"),
        KEY.encode().hex(),
    ):
        assert traces(f"so {text} it is"), text
    for shift in range(3):
        assert traces(base64.b64encode(b"\0" * shift + f"{KEY}:{SECRET}".encode() + b"\1" * 5))
        assert traces(base64.urlsafe_b64encode(b"\0" * shift + SECRET.encode() + b"\1" * 5))
    assert traces("nothing here") == []


def test_no_line_that_a_traceback_may_show_names_the_whole_environment() -> None:
    # A verbose traceback of IPython prints the value of every name in the lines around a call: all keys there are.
    package = Path(happyhorse_widgets.__file__).parent
    named = [path.name for path in package.rglob("*.py") if "os.environ" in path.read_text(encoding="utf-8")]
    assert sorted(named) == ["local.py", "rendering.py"]  # in functions that only make a child's environment
