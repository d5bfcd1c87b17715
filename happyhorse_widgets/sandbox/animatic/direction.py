"""Reads a prompt as a director would: where it plays, when, what each character does, how the camera moves.

Only words are looked up, nothing is understood. What the prompt leaves open is drawn from the seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

_T = TypeVar("_T")

SETTINGS: dict[str, str] = {
    "forest": "forest wood woods jungle tree trees grove",
    "desert": "desert dune dunes canyon cactus sahara western",
    "beach": "sea ocean beach shore coast wave-break island harbour harbor lake river boat surf sand pirate",
    "snow": "snow snowy winter ice icy arctic glacier ski skiing frozen christmas",
    "city": "city street town skyscraper downtown urban market cafe shop road traffic tokyo paris york rooftop",
    "room": "room kitchen bedroom living house home indoors inside table sofa desk office library lab classroom",
    "space": "space moon planet mars galaxy asteroid rocket spaceship orbiting lunar cosmos",
    "mountains": "mountain mountains alps hill hills valley cliff peak summit volcano",
    "stage": "stage theatre theater concert show spotlight disco podium ballroom circus studio",
    "meadow": "meadow garden park grass field farm flowers flower countryside picnic lawn spring village",
}
TIMES: dict[str, str] = {
    "night": "night midnight moonlight moonlit stars starry dark evening neon dream",
    "sunset": "sunset dusk golden twilight sundown autumn fall romantic",
    "dawn": "dawn sunrise morning misty mist fog foggy pastel",
    "day": "day noon sunny midday bright daylight",
}
WEATHERS: dict[str, str] = {
    "snowfall": "snow snowing snowy snowflakes winter blizzard",
    "rain": "rain rainy raining storm stormy drizzle",
    "leaves": "autumn leaves leaf fall windy wind",
    "petals": "petals blossom cherry spring sakura",
    "sparks": "fireflies firefly magic magical sparkles glitter fire fairy confetti",
}
ACTIONS: dict[str, str] = {
    "walk": "walk stroll wander approach enter arrive march stride come hike follow step go explore",
    "run": "run sprint race chase rush dash hurry gallop escape flee charge",
    "jump": "jump leap hop bounce skip trampoline celebrate",
    "wave": "wave greet hello hi goodbye salute",
    "dance": "dance waltz groove twirl boogie perform play",
    "turn": "turn spin rotate pirouette revolve",
    "look": "look watch see gaze stare glance notice discover find search observe",
    "fly": "fly float hover soar glide drift levitate swim dive",
    "sleep": "sleep nap doze rest dream sit lie relax meditate",
    "talk": "talk speak say chat tell whisper shout argue explain discuss sing",
    "hug": "hug embrace kiss cuddle love meet",
    "laugh": "laugh giggle smile shiver shake tremble cry",
    "bow": "bow nod kneel thank pick",
    "ride": "ride drive roll slide skate surf sail",
}
CAMERAS: dict[str, str] = {
    "push in": "zoom close-up closeup dolly push approaching",
    "orbit": "orbit orbiting circle circling around arc",
    "follow": "track tracking following",
    "pan": "pan panning sweep sweeping sideways",
    "tilt": "tilt crane rising aerial above",
    "handheld": "handheld shaky documentary",
    "still": "static locked still fixed tripod",
}
_ALL = {"they", "everyone", "everybody", "all", "both", "together", "characters"}
_JOINS = {"and", "with", "plus", "und", "et", "y"}
_PREPOSITIONS = {
    "at",
    "to",
    "towards",
    "toward",
    "by",
    "for",
    "past",
    "near",
    "beside",
    "behind",
    "on",
    "from",
    "of",
}
_WAYS = {
    **dict.fromkeys(("out", "away", "back", "left", "down"), True),
    **dict.fromkeys(("in", "into", "closer", "right", "up"), False),
}
_PASSIVE = ("look", "laugh", "jump", "wave", "sway", "talk", "turn")
_TOKEN = re.compile(r"character\s?([1-9])\b|[^\W\d_]+(?:[-'’][^\W\d_]+)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Direction:
    """What is shown. `acts` holds, for each reference in order, what it does one after the other."""

    setting: str
    time: str
    weather: str | None
    camera: str
    reverse: bool
    leads: tuple[int, ...]
    acts: tuple[tuple[str, ...], ...]


def direct(prompt: str, subjects: int, chance: random.Random) -> Direction:
    """Decide on everything for a prompt and a number of references (counted from 0 in the result)."""
    tokens = [(match.group(0).lower(), int(match.group(1) or 0)) for match in _TOKEN.finditer(prompt)]
    words = [word for word, number in tokens if not number]
    # Every draw is made whether it is needed or not, so that one word of the prompt does not change all the rest.
    setting, time = chance.choice(sorted(SETTINGS)), chance.choice(("day", "day", "sunset", "dawn", "night"))
    camera, reverse = (
        chance.choice(("push in", "orbit", "pan", "pan", "tilt", "follow")),
        chance.random() < 0.5,
    )
    own = [chance.choice(_PASSIVE) for _ in range(subjects)]
    mentioned = list(dict.fromkeys(number - 1 for _, number in tokens if 0 < number <= subjects))
    acts = _acts(tokens, subjects, mentioned)
    return Direction(
        setting=_named(words, SETTINGS) or setting,
        time=_named(words, TIMES) or time,
        weather=_named(words, WEATHERS),
        camera=_named(words, CAMERAS) or camera,
        reverse=_reversed(words, reverse),
        leads=tuple(mentioned) or tuple(range(subjects)),
        acts=tuple(tuple(done) or (own[index],) for index, done in enumerate(acts)),
    )


def _named(words: Sequence[str], table: Mapping[_T, str]) -> _T | None:
    """The key whose words come first in the prompt."""
    meaning = {word: key for key, text in table.items() for word in reversed(text.split())}
    return next((meaning[word] for word in words if word in meaning), None)


def _reversed(words: Sequence[str], default: bool) -> bool:
    """Whether the camera goes out, left or down: what is said after its own word."""
    movements = {word for text in CAMERAS.values() for word in text.split()}
    start = next((place for place, word in enumerate(words) if word in movements), len(words))
    return next((_WAYS[word] for word in words[start:] if word in _WAYS), default)


def _acts(tokens: Sequence[tuple[str, int]], subjects: int, mentioned: Sequence[int]) -> list[list[str]]:
    """What each subject does. A verb belongs to the characters named before it, unless a preposition made them its goal."""
    meaning = {stem: action for action, text in ACTIONS.items() for stem in text.split()}
    acts: list[list[str]] = [[] for _ in range(subjects)]
    acting: list[int] = []
    before = ""
    for text, number in tokens:
        word = "#" if number else text
        if number:
            index = number - 1
            if index < subjects and before not in _PREPOSITIONS:
                acting = [*acting, index] if before in _JOINS or before == "#" else [index]
        elif word in _ALL:
            acting = list(mentioned) or list(range(subjects))
        elif (action := meaning.get(_stem(word, meaning))) is not None:
            for index in acting or mentioned:
                if action not in acts[index] and len(acts[index]) < 3:
                    acts[index].append(action)
        before = word
    if ["hug"] in acts:  # it takes two
        acts = [done or (["hug"] if index in mentioned else done) for index, done in enumerate(acts)]
    return acts


def _stem(word: str, known: Mapping[str, str]) -> str:
    """The verb without -s, -es, -ed, -ing and a doubled consonant, where that makes a known one."""
    irregular = {
        "ran": "run",
        "flew": "fly",
        "flies": "fly",
        "sat": "sit",
        "slept": "sleep",
        "swam": "swim",
        "lying": "lie",
    }
    stems = [word, irregular.get(word, word)]
    for ending in ("ing", "es", "ed", "s"):
        if word.endswith(ending):
            base = word[: -len(ending)]
            stems += [base, base + "e", base[:-1] if base[-2:-1] == base[-1:] else base]
    return next((stem for stem in stems if stem in known), word)
