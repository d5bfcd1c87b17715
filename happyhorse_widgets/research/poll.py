"""A blind comparison of pairs without its widget: what it is about, whose turn it is, and what was said."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from happyhorse_widgets.errors import InvalidRequest
from happyhorse_widgets.library.ballots import WINNERS, Ballot, checked_rater, counting

from .turns import Choice, Rules, Turn, next_turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from happyhorse_widgets.library.ballots import Ballots

    from .pairing import Entry, Pair

#: What every arena does, in the words of a paper's methods.
BLINDING = (
    "the arena's page shows both clips in equal boxes, from files of equal size that say nothing of themselves; no name, "
    "address, title or order tells the sides apart"
)
COUNTERBALANCING = (
    "sides are drawn by lot, each clip of a pair about as often on the left, and for one rater the times that two levels were on "
    "the left never differ by more than two; the order of pairs is drawn for each rater"
)
FORMAT, VERSION = "happyhorse_widgets arena", 1
_QUESTIONS, _LONGEST_QUESTION = 10, 500


def new_ballot() -> str:
    """An id for a ballot that says nothing."""
    return f"ballot_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Poll:
    """An arena in a library. `questions` has the words of each question by its name; `plan` is all of it, as plain JSON."""

    id: str
    name: str
    rules: Rules
    pairs: tuple[Pair, ...]
    questions: Mapping[str, str]
    plan: Mapping[str, Any]
    ballots: Ballots

    def turn(self, rater: str, *, without: frozenset[str] = frozenset()) -> Turn | None:
        """What the rater sees next, leaving out the clips `without`; None where they are through."""
        able = [pair for pair in self.pairs if not without & {pair.one.clip_id, pair.other.clip_id}]
        return next_turn(self.rules, able, checked_rater(rater), self.ballots.all(self.id))

    def turn_after(self, rater: str, turn: Turn) -> Turn | None:
        """What the rater will most likely see once they have voted on `turn`."""
        likely = self.ballot(rater, turn, dict.fromkeys(self.questions, "tie"), None)
        return next_turn(self.rules, self.pairs, rater, [*self.ballots.all(self.id), likely])

    def ballot(
        self, rater: str, turn: Turn, answers: Mapping[str, str], seconds: float | None, ballot_id: str = ""
    ) -> Ballot:
        """The ballot that says so. Raises `InvalidRequest` for answers that are none."""
        if answers.keys() != self.questions.keys() or not {*answers.values()} <= {*WINNERS}:
            raise InvalidRequest(
                f"A ballot answers {', '.join(map(repr, self.questions))}, each with one of {', '.join(WINNERS)}."
            )
        return Ballot(
            id=ballot_id or new_ballot(),
            arena=self.id,
            rater=checked_rater(rater),
            position=turn.position,
            kind=turn.kind,
            left=turn.left,
            right=turn.right,
            spoiled=turn.spoiled,
            answers={name: answers[name] for name in self.questions},
            seconds=seconds,
        )

    def cast(self, ballot: Ballot) -> Ballot:
        """Write the ballot down; it is committed when this returns. See `Ballots.cast` for what it raises."""
        return self.ballots.cast(ballot).result()

    def methods(self) -> dict[str, Any]:
        """How votes are gathered here, as plain JSON: what a paper has to say of it."""
        plan = self.plan
        return {
            "id": self.id,
            **{
                name: plan[name]
                for name in ("name", "by", "questions", "pairing", "repeats", "checks", "seed")
            },
            "votes_wanted": self.rules.votes_wanted,
            "clips": len(plan["clips"]),
            "pairs": len(plan["pairs"]),
            "blinding": BLINDING,
            "counterbalancing": COUNTERBALANCING,
        }

    def last(self, rater: str) -> Ballot | None:
        """The latest ballot of the rater that counts; None before the first."""
        theirs = [each for each in counting(self.ballots.all(self.id)) if each.rater == rater]
        return max(theirs, key=lambda each: each.position, default=None)

    def take_back(self, rater: str, ballot_id: str) -> None:
        """Write down that the rater's last ballot does not count; their next turn is the same pair.

        Nothing happens where it was taken back already. Raises `InvalidRequest` where it is not the last one.
        """
        every = self.ballots.all(self.id)
        if any(each.supersedes == ballot_id for each in every):
            return
        last = self.last(checked_rater(rater))
        if last is None or last.id != ballot_id:
            raise InvalidRequest("Only the last vote can be taken back.")
        self.cast(
            Ballot(
                id=new_ballot(),
                arena=self.id,
                rater=last.rater,
                position=last.position,
                kind=last.kind,
                left=last.left,
                right=last.right,
                spoiled=last.spoiled,
                answers={},
                supersedes=ballot_id,
            )
        )


def begin_poll(
    ballots: Ballots,
    *,
    name: str,
    by: str,
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
    questions: Mapping[str, str],
    rules: Mapping[str, Any],
) -> Poll:
    """The arena of this plan, from the library where it is there already.

    `rules` are those of `Rules`; where `seed` is None the arena of the same plan goes on with its own, or draws one. What
    identifies an arena is its plan, except for `votes_wanted`, which may be changed later.
    """
    plan = {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "by": by,
        "questions": [[key, words] for key, words in questions.items()],
        "pairing": rules["pairing"],
        "repeats": rules["repeats"],
        "checks": rules["checks"],
        "clips": [[each.side.clip_id, each.side.sha256, each.side.level] for each in entries],
        "pairs": [[pair.one.clip_id, pair.other.clip_id] for pair in pairs],
    }
    seed = rules["seed"]
    if seed is None:
        known = [each.plan.get("seed") for each in ballots.arenas() if _same(each.plan, plan)]
        seed = next((drawn for drawn in known if isinstance(drawn, int)), secrets.randbelow(2**32))
    plan["seed"] = seed
    arena_id = f"arena_{hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]}"
    ballots.begin(arena_id, name, plan | {"votes_wanted": rules["votes_wanted"]}).result()
    made = Rules(**{**rules, "seed": seed})
    return Poll(arena_id, name, made, tuple(pairs), dict(questions), plan, ballots)


def _same(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    return {key: value for key, value in theirs.items() if key not in ("seed", "votes_wanted")} == ours


def checked_rules(
    *, pairing: str, repeats: float, checks: float, votes_wanted: int | None, seed: int | None
) -> dict[str, Any]:
    """The rules as they were given. Raises `InvalidRequest` that names all that is out of its range."""
    problems = []
    if pairing not in get_args(Choice):
        problems.append(f"pairing is {pairing!r}; it can be {' or '.join(map(repr, get_args(Choice)))}.")
    for name, value in (("repeats", repeats), ("checks", checks)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            problems.append(f"{name} is {value!r}; it is a share of the votes, from 0 to 1.")
    if votes_wanted is not None and (type(votes_wanted) is not int or votes_wanted < 1):
        problems.append(f"votes_wanted is {votes_wanted!r}; it is a number of votes from 1 on, or None.")
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**53):
        problems.append(f"seed is {seed!r}; it is a whole number from 0 on, or None.")
    if problems:
        raise InvalidRequest(*problems)
    return {
        "pairing": pairing,
        "repeats": float(repeats),
        "checks": float(checks),
        "votes_wanted": votes_wanted,
        "seed": seed,
    }


def checked_questions(questions: object) -> dict[str, str]:
    """The words of each question by its name, which is the words themselves where none is given. Raises `InvalidRequest`."""
    if isinstance(questions, str):
        questions = [questions]
    given = questions if isinstance(questions, dict) else None
    listed = list(questions) if isinstance(questions, list | tuple) else list(given or ())
    found = {
        " ".join(str(key).split()): " ".join(str(given[key] if given else key).split()) for key in listed
    }
    texts = [*found, *found.values()]
    if not 1 <= len(found) <= _QUESTIONS or len(found) < len(listed):
        raise InvalidRequest(
            f"An arena has 1 to {_QUESTIONS} questions, each once: a text, a list of texts, or a dict."
        )
    if any(not text or len(text) > _LONGEST_QUESTION for text in texts):
        raise InvalidRequest(f"A question is a text of 1 to {_LONGEST_QUESTION} characters.")
    return found
