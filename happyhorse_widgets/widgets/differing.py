"""What tells clips from each other, by factor, in the words of their cards: what they have in common is not said again."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from happyhorse_widgets.research.contenders import inputs_of

from .card import model_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from happyhorse_widgets.engine.clip import Clip

#: Letters of one level's words: a prompt may differ in all of its 2,500.
_MOST = 120


def differing(clips: Sequence[Clip]) -> list[dict[str, str]]:
    """Of each clip the level of every factor in which the clips differ, in words: `{"prompt": "… snow …", "seed": "seed 7"}`.

    Factors come in the order prompt, references, seed, aspect_ratio, resolution, duration, model, then the other inputs by their
    names, "–" where one was left to the model. Of the prompts only the words between those that all begin with and those that
    all end with are said, at most 120 letters of each.
    """
    levels = [_levels(clip) for clip in clips]
    names = [*levels[0], *sorted({name for level in levels for name in level} - levels[0].keys())]
    told = {name: [level.get(name, "–") for level in levels] for name in names}
    told["prompt"] = _middles([clip.request.prompt.split() for clip in clips])
    differ = [name for name, words in told.items() if len(set(words)) > 1]
    return [{name: shortened(told[name][index]) for name in differ} for index in range(len(clips))]


def in_words(factor: str, level: str) -> str:
    """A level as it reads alone: a number needs the factor's name before it."""
    plain = level.replace(".", "", 1).lstrip("-").isdecimal()
    return shortened(f"{factor.replace('_', ' ')} {level}" if plain else level)


def shortened(text: str) -> str:
    """At most 120 letters of it."""
    return text if len(text) <= _MOST else f"{text[: _MOST - 1].rstrip()}…"


def _levels(clip: Clip) -> dict[str, str]:
    request = clip.request
    seed = clip.seed_used if clip.seed_used is not None else request.seed
    told = {
        "prompt": request.prompt,
        "references": ", ".join(reference.name for reference in request.references),
        "seed": "no seed" if seed is None else f"seed {seed}",
        "aspect_ratio": request.aspect_ratio or "–",
        "resolution": request.resolution or "–",
        "duration": "–" if request.duration is None else f"{request.duration} s",
        "model": model_name(request.model),
    }
    return told | {name: in_words(name, value) for name, value in inputs_of(clip).items()}


def _middles(texts: Sequence[list[str]]) -> list[str]:
    """The words between those that all begin with and those that all end with."""
    shortest = min(map(len, texts))
    before = min(_common(zip(*texts, strict=False)), shortest)
    after = min(_common(zip(*(reversed(words) for words in texts), strict=False)), shortest - before)
    return [
        f"{'… ' if before else ''}{' '.join(words[before : len(words) - after]) or '–'}{' …' if after else ''}"
        for words in texts
    ]


def _common(columns: Iterable[tuple[str, ...]]) -> int:
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
