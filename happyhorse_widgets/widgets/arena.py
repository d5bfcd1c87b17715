"""The arena: blind votes on pairs of clips, in one notebook cell."""

from __future__ import annotations

import asyncio
import secrets
import warnings
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets
from IPython.display import display, update_display

from happyhorse_widgets.engine.connect import default_session
from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.ballots import checked_rater
from happyhorse_widgets.research.ballots import progress, rater_table
from happyhorse_widgets.research.contenders import field_of
from happyhorse_widgets.research.pairing import pairs_among
from happyhorse_widgets.research.poll import begin_poll, checked_questions, checked_rules

from .base import Widget
from .bridge import bridge
from .fallback import twin_html
from .rpc import Buffers, Content, Kind, Reply
from .showing import Booth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import pandas as pd

    from happyhorse_widgets.engine.session import Session
    from happyhorse_widgets.library.ballots import Ballot
    from happyhorse_widgets.research.ballots import Progress
    from happyhorse_widgets.research.contenders import By
    from happyhorse_widgets.research.pairing import Pair
    from happyhorse_widgets.research.turns import Turn


class Arena(Widget):
    """Blind votes on pairs of clips that differ in one factor only: all else that was asked for is equal, as far as it can be.

    - `clips`: clips, their local ids, or a sweep; those without a video are left out
    - `by`: the factor whose levels are compared ("model", "prompt", "resolution" …, any of a sweep's, or any other input of the
      models), a dict of clips by level, or a function from a clip to its level (None: it takes no part)
    - `questions`: what raters are asked of each pair: a text, a list of texts, or a dict of texts by short names. The answers
      are A, B, tie and both bad
    - `rater`: the name or pseudonym of who votes; None asks for it
    - `name`: tells arenas apart that are otherwise the same
    - `repeats`: pairs that come again with their sides swapped, as a share of a rater's votes
    - `checks`: attention checks, a clip beside a spoiled copy of itself, as a share of a rater's votes
    - `pairing`: "balanced" shows what has the fewest votes, "informative" the pair of levels from which most is to be learned
      (see `research.information`)
    - `votes_wanted`: how many votes end the arena, all raters together; None lets every rater see every pair
    - `seed`: of the order of pairs and sides; None draws one, which `plan` tells
    - `session`: by default the one of the last `connect`

    Each rater sees each pair once, in an order of their own, on sides that are drawn by lot, each level about as often left as
    right: of two levels at most two apart. Every vote is in the library before the next pair is shown. The same call on the same
    library goes on with the same arena, also in another kernel, and several raters may vote at the same time. Nothing that
    reaches the browser tells the sides apart. Where two levels have no value of another factor in common, a warning says so.

    Raises `InvalidRequest` where there is no pair to compare, and for arguments out of their range.
    """

    entry: ClassVar[str] = "arena"

    _about: Any = traitlets.Dict().tag(sync=True)
    _twin: Any = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        clips: Any,
        *,
        by: By = "model",
        questions: str | Sequence[str] | Mapping[str, str] = "Which clip is better?",
        rater: str | None = None,
        name: str | None = None,
        repeats: float = 0.1,
        checks: float = 0.05,
        pairing: str = "balanced",
        votes_wanted: int | None = None,
        seed: int | None = None,
        session: Session | None = None,
    ) -> None:
        rules = checked_rules(
            pairing=pairing, repeats=repeats, checks=checks, votes_wanted=votes_wanted, seed=seed
        )
        asked = checked_questions(questions)
        fixed = "" if rater is None else checked_rater(rater)
        self.session = session or default_session()
        field = field_of(self.session, clips, by)
        found = pairs_among(field.entries, by=field.factor)
        self._left_out = {
            **field.left_out,
            **dict.fromkeys(found.unpaired, "no other level has a clip that is otherwise equal"),
        }
        if not found.pairs:
            raise InvalidRequest(
                _no_pairs(sorted({each.side.level for each in field.entries}), self._left_out)
            )
        self._poll = begin_poll(
            self.session.ballots,
            name=name or "",
            by=by if isinstance(by, str) else getattr(by, "__name__", "levels"),
            entries=field.entries,
            pairs=found.pairs,
            questions=asked,
            rules=rules,
        )
        self._confounded = _confounded(found.confounded, field.factor)
        for sentence in self._confounded:
            warnings.warn(sentence, stacklevel=2)
        if self._left_out:
            warnings.warn(f"{len(self._left_out)} clips take no part: see arena.left_out.", stacklevel=2)
        self._booth = Booth(self.session, self._poll)
        self._displayed = False
        self._about = {"questions": [[key, words] for key, words in asked.items()], "rater": fixed}
        super().__init__()
        self._serve()
        self._channel = bridge().open(self._static, self._update)

    # -- what was said -----------------------------------------------------------------------------------------------

    @property
    def votes(self) -> pd.DataFrame:
        """What was said as a tidy frame, a row for each question that was answered: what `hh.rankings` takes.

        Repeats and checks are among it, which the column `kind` tells from votes on models; see `session.ballots.to_frame`. Its
        `attrs` have `left_out` and, as `arena`, how votes are gathered here, both of which `hh.report` repeats.
        """
        votes = self.session.ballots.to_frame(self._poll.id)
        votes.attrs |= {
            "arena": self._poll.methods() | {"confounded": self._confounded},
            "left_out": self.left_out,
        }
        return votes

    @property
    def progress(self) -> Progress:
        """How many votes there are, of how many that are wanted, by whom."""
        counted = self.session.ballots.counting(self._poll.id)
        return progress(counted, self._poll.pairs, self._poll.rules.votes_wanted)

    def agreement(self) -> pd.DataFrame:
        """Of each rater: votes, agreement with themselves, checks passed, how often they prefer the left, and seconds.

        See `research.ballots.rater_table` for the columns; `research.agreement.agreement` has the agreement between raters.
        """
        return rater_table(self.votes)

    # -- what it is about --------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The arena's id in the library, which follows from its plan."""
        return self._poll.id

    @property
    def name(self) -> str:
        """The name it was given, or ""."""
        return self._poll.name

    @property
    def plan(self) -> dict[str, Any]:
        """All that it follows, as plain JSON: clips with their sha256 and levels, pairs, questions, rules and seed."""
        return dict(self._poll.plan)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of clips that are compared."""
        return self._poll.pairs

    @property
    def left_out(self) -> dict[str, str]:
        """Why clips take no part, by their ids."""
        return self._left_out | self._booth.unable

    # -- voting without a browser --------------------------------------------------------------------------------------

    def turn(self, rater: str) -> Turn | None:
        """What the rater would see next, for a program that votes; None where they are through. It is not blind."""
        return self._poll.turn(rater)

    def vote(
        self, rater: str, turn: Turn, answers: str | Mapping[str, str], *, seconds: float | None = None
    ) -> Ballot:
        """Cast the rater's ballot on a `turn`; it is committed when this returns.

        `answers` is "a" (the left clip), "b", "tie" or "both_bad", for all questions or by question. Raises `InvalidRequest` for
        anything else, and where the turn has its vote.
        """
        if isinstance(answers, str):
            answers = dict.fromkeys(self._poll.questions, answers)
        cast = self._poll.cast(self._poll.ballot(rater, turn, answers, seconds))
        self._voted()
        return cast

    # -- living ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take the arena out of the browser. The votes stay in the library."""
        if hasattr(self, "_channel"):  # ipywidgets closes half-made widgets, too
            self._channel.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Arena {self.name or self.id}: {self.progress}>"

    def _ipython_display_(self) -> None:
        data, metadata = self._repr_mimebundle_() or ({}, {})
        data["text/plain"] = "Run this cell to open the arena."  # what a notebook without a kernel shows
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        display(self._static(), raw=True, display_id=f"happyhorse-{self._twin}")  # type: ignore[no-untyped-call]
        self._displayed = True

    @traitlets.default("_twin")
    def _default_twin(self) -> str:
        return secrets.token_hex(8)

    def _static(self) -> dict[str, str]:
        """What a saved notebook shows; nothing in it could lean a rater who reads it."""
        words = f"Blind comparison: {self.progress}. The votes are in the library, {self.session.home.name}."
        if self.session.sandbox:
            words += " The clips were simulated by the sandbox."
        questions = "".join(f"<p>{escape(words)}</p>" for words in self._poll.questions.values())
        return {
            "text/html": twin_html(f"<p>{escape(words)}</p>{questions}", self._twin),
            "text/plain": "\n".join([words, *self._poll.questions.values()]),
        }

    def _voted(self) -> None:
        if self._displayed:
            self._channel.mark()

    def _update(self, bundle: dict[str, str]) -> None:
        update_display(bundle, raw=True, display_id=f"happyhorse-{self._twin}")  # type: ignore[no-untyped-call]

    def _serve(self) -> None:
        booth = self._booth

        def aside(work: Callable[[Content], Reply | Content]) -> Callable[[Content, Buffers], Future[Any]]:
            return lambda content, _buffers: self.session.run(asyncio.to_thread(work, content))

        def following(content: Content) -> Content:
            rater = checked_rater(content.get("rater"))
            answer = booth.next(rater)
            if "showing" in answer:
                self.session.run(asyncio.to_thread(booth.get_ready, rater, answer["showing"]))
            return answer

        def vote(content: Content) -> Content:
            booth.vote(checked_rater(content.get("rater")), content)
            self._voted()
            return {}

        def undo(content: Content) -> Content:
            self._poll.take_back(checked_rater(content.get("rater")), str(content.get("ballot")))
            self._voted()
            return {}

        def chunk(content: Content) -> Reply:
            return booth.chunk(content.get("side"), content.get("offset"), content.get("length"))

        self.rpc.on(Kind.ARENA_NEXT, aside(following))
        self.rpc.on(Kind.ARENA_CHUNK, aside(chunk))
        self.rpc.on(Kind.ARENA_VOTE, aside(vote))
        self.rpc.on(Kind.ARENA_UNDO, aside(undo))


def _confounded(found: Mapping[tuple[str, str], tuple[str, ...]], factor: str | None) -> list[str]:
    """A sentence for every two levels that differ in more than what they are about."""
    return [
        f"{one!r} and {other!r} differ in all of {', '.join(dict.fromkeys([factor or factors[0], *factors]))}, "
        "which votes on them cannot tell apart."
        for (one, other), factors in found.items()
        if factor is not None or len(factors) > 1  # one alone is what these levels are about
    ]


def _no_pairs(levels: list[str], left_out: Mapping[str, str]) -> str:
    why = "; ".join(f"{clip_id}: {reason}" for clip_id, reason in list(left_out.items())[:5])
    return (
        f"There is no pair to compare: the levels are {', '.join(map(repr, levels)) or 'none'}, and a pair needs clips of two "
        f"levels that are otherwise equal, with the same prompt, references and seed.{f' Left out: {why}.' if why else ''}"
    )
