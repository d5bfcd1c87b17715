"""How votes were gathered, in the words of a paper's methods: from what an arena tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_UNKNOWN = (
    "How these votes were gathered was not recorded with them: neither the wording of the questions, nor whether raters were "
    "blind, nor how pairs and sides were chosen."
)
_PAIRING = {
    "balanced": "what had the fewest votes came first",
    "informative": "the two levels came first from which most was to be learned",
}


def gathered(votes: pd.DataFrame) -> str:
    """One paragraph, from `votes.attrs["arena"]`, as `Arena.votes` has it (see `Poll.methods`); without it, that nobody knows."""
    arena = votes.attrs.get("arena")
    return _told(arena) if isinstance(arena, dict) else _UNKNOWN


def _told(arena: Mapping[str, Any]) -> str:
    rule, wanted = arena["pairing"], arena["votes_wanted"]
    where = (
        f"Votes were gathered in the arena {arena['id']} (seed {arena['seed']}; pairs: {arena['pairs']:,}, clips: "
        f"{arena['clips']:,}), of clips compared by {arena['by']}, all else that was asked for being equal within a pair."
    )
    sentences = [
        where,
        *arena["confounded"],
        f"Raters were asked {_asked(arena['questions'])} and answered A, B, tie or both bad.",
        f"Blinding: {arena['blinding']}.",
        f"Counterbalancing: {arena['counterbalancing']}.",
        f"Pairing: {rule} ({_PAIRING.get(rule, 'a rule of its own')}), each rater seeing each pair once.",
        f"Repeats: {100 * arena['repeats']:g} % of a rater's votes, pairs that came again with their sides swapped.",
        f"Attention checks: {100 * arena['checks']:g} %, a clip beside a spoiled copy of itself.",
        "" if wanted is None else f"The arena was to end with {wanted:,} votes.",
    ]
    return " ".join(filter(None, sentences))


def _asked(questions: list[list[str]]) -> str:
    return ", ".join(f"“{words}”" if key == words else f"“{words}” ({key})" for key, words in questions)
