"""A vote: the persona's last word on a sub-problem."""

from llm.offline.argue.position import FACTS
from llm.offline.argue.stance import confidence_of, persona_seed, same_option, stance_of, voices_heard
from llm.offline.asking import Json
from llm.offline.kinds import KINDS
from llm.offline.prompt import Brief
from llm.offline.seeds import Dice
from llm.offline.speech import Speech, sentence, unique

ADVICE = (
    "My advice is to {do}, and to begin with the part that can be checked by {measure}",
    "I vote for {ing}, on the understanding that {risk} is watched from the first day",
    "Choose {quoted}, and tell {party} before anybody else",
    "{Ing} is what I recommend, because it answers to {criterion}",
    "Go with {quoted}; it is the choice that I would still defend after a bad first quarter",
    "Having heard everybody, I would {do}, and set the date for a review on the same day",
    "Put your weight behind {ing} and leave {rival} for the day its conditions are met",
    "Let it be {quoted}: write the conditions down first, then begin",
    "If I had one vote, and I have, it goes to {ing}",
    "Do not wait for certainty about {measure} – {do}, and watch it",
    "My recommendation is {ing}, with {cost} planned for and not discovered",
    "I recommend {ing}, and I would rather see it done late than see {rival} done in haste",
)


def vote(brief: Brief) -> Json:
    stance = stance_of(brief)
    lens, seed = stance.lens, persona_seed(brief)
    dice = Dice("vote", seed)
    offset = dice.whole(0, 11)
    speech = Speech(brief, Dice("vote facts", seed), stance.now, stance.rival)
    reasons = speech.some(lens.reason, 2, offset + 4)
    virtues = KINDS[stance.now.kinds[0]].virtues
    reasons += speech.some(virtues, 1, lens.number + 2) or speech.some(FACTS, 1, offset)
    conditions = speech.some(lens.condition, 2, offset + 1)
    alone = voices_heard(brief) and not any(same_option(voice.option, stance.now) for voice in voices_heard(brief))
    if alone and len(reasons) < 5:
        reasons += speech.some(
            ("I know that I stand alone with this; {risk} is still the point that nobody answered",), 1
        )
    return {
        "option": stance.now.text,
        "recommendation": sentence(speech.first(ADVICE, lens.number)),
        "confidence": confidence_of(stance, brief, seed + "vote"),
        "reasons": [sentence(item) for item in unique(reasons)][:5],
        "conditions": [sentence(item) for item in unique(conditions)][:4],
        "would_change_my_mind": sentence(speech.first(lens.mind, offset)),
    }
