"""A frame: the decision restated, its options and criteria named, and what must be asked first, if anything."""

import re

from llm.offline.asking import Json
from llm.offline.choices import Choice, choices_for
from llm.offline.prompt import Brief
from llm.offline.reader import headline, read_story
from llm.offline.seeds import Dice
from llm.offline.shaping import shorten
from llm.offline.topics import topic_of
from llm.offline.words import capital, listed, lower_first

# A decision shorter than this cannot be advised on without asking back.
FEWEST_WORDS = 12
_ASK = re.compile(r"^\W*ask me first\W*$", re.IGNORECASE | re.MULTILINE)
_OPEN = re.compile(r"^(?:so,? )?(?:what|how)\b", re.IGNORECASE)
_HARD = re.compile(
    r"\b(irreversible|permanent\w*|regulat\w+|legal\w*|lawsuit|layoffs?|lay off|acquisition|merger|patients?|safety"
    r"|bankrupt\w*|famil(?:y|ies)|children|investors?|board|union|contract|deadline|migration)\b",
    re.IGNORECASE,
)


def frame(brief: Brief) -> Json:
    story = read_story(brief.story)
    choices = choices_for(brief)
    topic = topic_of(brief)
    return {
        "title": _title(story.core, choices),
        "question": _question(brief, story.core, [one.quoted for one in choices]),
        "complexity": complexity(brief),
        "options": [one.text for one in choices],
        "criteria": list(brief.criteria[:6] or Dice("criteria", brief.decision).shuffled(topic.criteria)[:4]),
        "missing_facts": _missing(brief),
    }


def _title(core: str, choices: list[Choice]) -> str:
    """What is asked; where that is only "what should we do", what can be done."""
    if not _OPEN.match(core):
        return headline(core)
    return shorten(capital(listed([lower_first(one.short_quoted.strip("“”")) for one in choices[:3]], "or")), 117)


def complexity(brief: Brief) -> int:
    """1 to 10, from the number of options, limits and figures, and from words that mean trouble."""
    story = read_story(brief.story)
    figures = len(story.money) + len(story.percents) + len(story.counts)
    hard = len({word.lower() for word in _HARD.findall(brief.story + " ".join(brief.constraints))})
    score = 2 + min(2, story.words // 90) + min(2, len(brief.constraints) // 2) + min(2, figures // 3)
    return min(10, score + min(3, hard) + (len(brief.options) > 3))


def _question(brief: Brief, core: str, options: list[str]) -> str:
    if core.endswith("?") and 4 <= len(core.split()) <= 45:
        return shorten(capital(core), 400)
    text = f"Which is the right choice now: {listed(options[:4], 'or')}?"
    if brief.constraints:
        text = f"{text[:-1]}, given that “{brief.constraints[0].rstrip('.')}”?"
    return shorten(text, 400)


def _missing(brief: Brief) -> list[str]:
    """One or two questions, only for a bare decision or on request, and never a second time."""
    if brief.answers:
        return []
    bare = (
        len(brief.decision.split()) < FEWEST_WORDS and len(brief.context.split()) < FEWEST_WORDS and not brief.options
    )
    asked = _ASK.search(brief.decision) or _ASK.search(brief.context)
    if not bare and not asked:
        return []
    story, topic = read_story(brief.story), topic_of(brief)
    questions = list(topic.asks)
    if asked and not bare and story.money:
        questions.insert(0, f"Is {story.money[0]} a fixed limit, or what you would like to spend?")
    elif asked and not bare and len(brief.options) > 1:
        questions.insert(0, f"What speaks against “{lower_first(brief.options[0].rstrip('.'))}” in your own view?")
    return [shorten(item, 400) for item in questions[:2]]
