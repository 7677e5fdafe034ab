"""An intervention: what a moderator tells a board about its debate, from the owner's own facts."""

import tomllib
from pathlib import Path

from llm.offline.argue.assessment import camps_of
from llm.offline.argue.stance import voices_heard
from llm.offline.asking import Json
from llm.offline.choices import choices_for
from llm.offline.prompt import Brief
from llm.offline.seeds import Dice
from llm.offline.speech import Speech, sentence, unique

_WORDS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent.parent / "interventions.toml").read_text("utf-8")
)


def intervention(brief: Brief) -> Json:
    said = _WORDS.get(brief.moderator, _WORDS["contrarian"])
    choices = choices_for(brief)
    camps = camps_of(voices_heard(brief), choices)
    lead = camps[0][0] if camps else choices[0]
    others = [camp[0] for camp in camps[1:]] or [one for one in choices if one.text != lead.text]
    dice = Dice("intervention", brief.moderator, brief.decision, brief.question, str(brief.round))
    speech = Speech(brief, dice, lead, others[0] if others else lead)
    return {
        "claim": sentence(speech.first(dice.shuffled(said["claim"]))),
        "points": [sentence(item) for item in unique(speech.some(dice.shuffled(said["point"]), 3))],
        "question": sentence(speech.first(dice.shuffled(said["question"]))),
    }
