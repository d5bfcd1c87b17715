"""What every widget does."""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from typing import Any, ClassVar

import comm
import pytest
import traitlets

from happyhorse_widgets.widgets import assets
from happyhorse_widgets.widgets.base import Widget
from tests.unit.comms import PARENT, RecordingComm


class Plain(Widget):
    """A widget with the clip's front end and one trait."""

    entry: ClassVar[str] = "clip"
    duration: Any = traitlets.Int(5).tag(sync=True)


@pytest.fixture(autouse=True)
def comms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "create_comm", RecordingComm)


def test_the_front_end_is_sent_once_with_the_widget() -> None:
    widget = Plain(duration=7)
    kind, data, _, _ = widget.comm.published[0]
    assert kind == "comm_open"
    assert data["state"]["_esm"] == assets.script("clip")
    assert data["state"]["_css"] == assets.stylesheet("clip")
    assert data["state"]["duration"] == 7
    assert len(widget.comm.published) == 1


def test_an_unknown_keyword_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        TypeError, match=r"Plain\(\) got an unknown argument 'durations'. Did you mean duration\?"
    ):
        Plain(durations=7)
    with pytest.raises(TypeError, match="'_esm'"):
        Plain(_esm="alert(1)")


def test_hello_is_answered_with_the_kernels_clock() -> None:
    widget = Plain()
    widget.comm.say({"kind": "hello", "request": "v-1"})
    (reply,) = widget.comm.messages
    assert reply["kind"] == "reply"
    assert reply["now"] == pytest.approx(time.time(), abs=60)


def test_what_is_sent_from_any_thread_goes_out_in_the_context_of_the_last_message_from_the_browser() -> None:
    widget = Plain()

    def browser_says(parent: str) -> None:
        PARENT.set(parent)
        widget.comm.say({"kind": "hello", "request": "v-1"})

    copy_context().run(browser_says, "first")
    copy_context().run(browser_says, "second")
    sends = [threading.Thread(target=widget.send, args=({"n": n},)) for n in range(8)]
    sends.append(threading.Thread(target=widget.set_trait, args=("duration", 9)))
    for thread in sends:
        thread.start()
    for thread in sends:
        thread.join()
    assert [parent for _, _, _, parent in widget.comm.published[3:]] == ["second"] * 9


def test_who_asks_for_the_state_gets_an_answer_to_this_very_question() -> None:
    widget = Plain()

    def browser_asks(parent: str, data: dict[str, object]) -> None:
        PARENT.set(parent)
        widget.comm.handle_msg({"content": {"data": data}, "buffers": []})

    hello = {"kind": "hello", "request": "v-1"}
    copy_context().run(browser_asks, "a view", {"method": "custom", "content": hello})
    copy_context().run(browser_asks, "a page loaded again", {"method": "request_state"})
    _, data, _, parent = widget.comm.published[-1]
    assert (data["method"], parent) == ("update", "a page loaded again")


def test_a_closed_widget_answers_nothing() -> None:
    widget = Plain()
    link = widget.comm
    widget.close()
    link.say({"kind": "hello", "request": "v-1"})
    assert link.messages == []


def test_every_front_end_is_in_the_package() -> None:
    for entry in ("clip", "studio"):
        assert (assets.STATIC / f"{entry}.js").is_file()
        assert "export default $" in assets.script(entry)
