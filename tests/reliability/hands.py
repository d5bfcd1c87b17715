"""What several hands do to one library: losing an answer, holding its lock, pressing Ctrl-C in the middle of a commit."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from happyhorse_widgets.engine.clip import Clip
from happyhorse_widgets.engine.session import Session
from happyhorse_widgets.errors import JobUncertain
from happyhorse_widgets.library.clips import Clips
from happyhorse_widgets.library.journal import Journal
from tests.sessions import LONG, picture, until


def ask(session: Session, **values: Any) -> Clip:
    """A clip of one new picture."""
    return session.generate("character1 waves", [picture()], duration=3, **values)


def lost(session: Session) -> Clip:
    """A clip whose answer was lost, and which waits for its person."""
    clip = ask(session)
    with pytest.raises(JobUncertain):
        clip.wait(LONG)
    return clip


def locked_while_reading(monkeypatch: pytest.MonkeyPatch, home: Path, query: str) -> threading.Event:
    """Another program holds the library's lock, longer than anybody waits for it, while `Clips.<query>` finds something to read.

    Once; the event tells that it has been. The moment is chosen by a hook, the failure is SQLite's own.
    """
    read, locked = getattr(Clips, query), threading.Event()

    def reading(self: Clips, wanted: Any, **options: Any) -> Any:
        if locked.is_set() or not wanted:
            return read(self, wanted, **options)
        locked.set()
        with contextlib.closing(sqlite3.connect(home / "library.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            return read(self, wanted, **options)

    monkeypatch.setattr(Clips, query, reading)
    return locked


@contextlib.contextmanager
def interrupted_commit(monkeypatch: pytest.MonkeyPatch, session: Session) -> Iterator[None]:
    """Ctrl-C while a new clip is being written down, which takes until the end of this because of another program's lock."""
    main = threading.main_thread().ident or 0
    create = Journal.create

    def waits() -> bool:
        names = []
        step: FrameType | None = sys._current_frames()[main]
        while step is not None:
            names.append(step.f_code.co_name)
            step = step.f_back
        return names[:2] == ["wait", "result"] and "enter" in names

    def interrupt() -> None:
        until(waits, "the commit is waited for")
        signal.pthread_kill(main, signal.SIGINT)

    def creating(self: Journal, *arguments: Any, **options: Any) -> Future[Any]:
        other.execute("BEGIN IMMEDIATE")
        threading.Thread(target=interrupt).start()
        return create(self, *arguments, **options)

    path = session.home / "library.sqlite3"
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
            monkeypatch.context() as patch,
        ):
            patch.setattr(Journal, "create", creating)
            with pytest.raises(KeyboardInterrupt):
                yield
    finally:
        signal.signal(signal.SIGINT, handler)
    for _ in range(2):  # behind the commit, and behind what its end set off
        session._database.write(lambda _: None).result(LONG)
