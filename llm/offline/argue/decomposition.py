"""A decomposition: the parts of the question that can be debated one by one."""

from llm.offline.argue.frame import complexity
from llm.offline.asking import Json
from llm.offline.choices import choices_for
from llm.offline.prompt import Brief
from llm.offline.reader import headline, read_story
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.speech import Speech
from llm.offline.topics import topic_of
from llm.offline.words import listed

TIES = (
    " Bear in mind that {given}.",
    " What cannot be changed is {constraint}.",
    " The figure to keep in view is {fig}.",
    " What was said about {thing} belongs here.",
)


def decomposition(brief: Brief) -> Json:
    story, topic = read_story(brief.story), topic_of(brief)
    level = complexity(brief)
    count = 1 if level <= 3 or story.words < 40 else 2 if level <= 6 else 3
    if count == 1:
        options = listed([one.quoted for one in choices_for(brief)[:4]], "or")
        question = brief.question or (story.core if story.core.endswith("?") else f"Which should it be: {options}?")
        return {"sub_problems": [{"title": headline(story.core), "question": shorten(question, 400)}]}
    dice = Dice("parts", brief.decision)
    speech = Speech(brief, dice)
    ties = dice.shuffled(TIES)
    parts: list[Json] = []
    for number, (title, question) in enumerate(topic.parts[:count]):
        tie = speech.say(ties[number % len(ties)]) or ""
        # The third part of a topic is about the order of steps: it needs to know whether the first one holds.
        needs = [1] if number == 2 else []
        parts.append({"title": title, "question": shorten(question + tie, 400), "depends_on": needs})
    return {"sub_problems": parts}
