"""An answer: the prompt read, argued about, and shaped to the schema asked for."""

import json
import re
from collections.abc import Callable

from llm.offline.argue import ARGUMENTS
from llm.offline.asking import Ask, Json
from llm.offline.prompt import Brief, read_brief
from llm.offline.reader import read_story
from llm.offline.seeds import Dice
from llm.offline.shaping import Shaper

_WORDS = re.compile(r"[^A-Za-z]+")


def answer(ask: Ask) -> str:
    """The answer's text: JSON where a schema is given, prose otherwise. Depends on nothing but the ask."""
    brief = read_brief(ask.system, ask.prompt)
    dice = Dice(ask.seed)
    if ask.schema is None:
        return _prose(brief)
    argument = argument_for(ask.title)
    value: Json = argument(brief) if argument else {}
    shaper = Shaper(ask.schema, dice, list(read_story(brief.story).quotes))
    return json.dumps(shaper.fit(value, ask.schema), ensure_ascii=False)


def argument_for(title: str) -> Callable[[Brief], Json] | None:
    """The argument that a schema's title or a tool's name asks for: "Position", "submit_position"."""
    words = {word for word in _WORDS.split(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", title).lower()) if word}
    joined = _WORDS.sub("", title).lower()
    for name, argument in ARGUMENTS.items():
        if joined == name or name in words:
            return argument
    return ARGUMENTS["actionplan"] if {"action", "plan"} <= words else None


def _prose(brief: Brief) -> str:
    position = ARGUMENTS["position"](brief)
    return "\n\n".join([position["claim"], *position["reasons"]])
