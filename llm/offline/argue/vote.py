"""A vote: the persona's last word on a sub-problem."""

from llm.offline.argue.position import facts, for_kind
from llm.offline.argue.stance import confidence_of, persona_seed, same_option, stance_of, voices_heard
from llm.offline.asking import Json
from llm.offline.prompt import Brief
from llm.offline.seeds import Dice
from llm.offline.speech import Speech, sentence, unique

# At least one for each way of reasoning, so that no two of a board advise in the same words.
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
    "Do not wait for certainty about {measure}: {do}, and watch it",
    "My recommendation is {ing}, with {cost} planned for and not discovered",
    "I recommend {ing}, and I would rather see it done late than see {rival} done in haste",
    "After all that was said I am for {ing}, and against calling it the only way",
    "{Do}; what I have heard in favour of {rival} would have to be shown first",
    "I come down on {ing}, because {party} could live with it even if it goes badly",
    "Decide for {quoted} and say at once what would make you stop",
    "For me it is {ing}: of all that was proposed it leaves {risk} the least room",
    "{Do}, and keep {money} out of reach until the first result is in",
    "Take {quoted}; nothing said for {rival} answers the question of {measure}",
    "I give my vote to {ing} and my attention to {cost}",
    "Were it mine to decide I would {do}, and sleep",
    "{Ing} first; {rival} can still be had if I am wrong, and I would then be the first to say so",
    "My vote is for {quoted}, by a small margin and for reasons that can be checked",
    "Begin with {ing}, and judge it by {criterion} and by nothing else",
)


def vote(brief: Brief) -> Json:
    stance = stance_of(brief)
    lens, seed = stance.lens, persona_seed(brief)
    dice = Dice("vote", seed)
    offset = dice.whole(0, 11)
    speech = Speech(brief, Dice("vote facts", seed), stance.now, stance.rival)
    advice = speech.first(ADVICE, lens.number)
    reasons = speech.some(lens.reason, 2, offset + 4)
    reasons += speech.some(for_kind(stance), 1, lens.number + 2) if lens.number % 2 else facts(speech, lens, 1)
    conditions = speech.some(lens.condition, 2, offset + 1)
    alone = voices_heard(brief) and not any(same_option(voice.option, stance.now) for voice in voices_heard(brief))
    if alone and len(reasons) < 5:
        reasons += speech.some(ALONE, 1, lens.number)
    return {
        "option": stance.now.text,
        "recommendation": sentence(advice),
        "confidence": confidence_of(stance, brief, seed + "vote"),
        "reasons": [sentence(item) for item in unique(reasons)][:5],
        "conditions": [sentence(item) for item in unique(conditions)][:4],
        "would_change_my_mind": sentence(speech.first(lens.mind, offset)),
    }


ALONE = (
    "I know that I stand alone with this; {risk} is still the point that nobody answered",
    "Nobody has joined me, and nobody has said what is to be done about {risk} either",
    "That I am the only one changes nothing about {risk}, which was talked about and not answered",
)
