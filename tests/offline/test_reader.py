"""What the offline provider makes of text as people type and paste it."""

from llm.offline.reader import read_story, split_sentences


def test_a_line_break_within_a_sentence_ends_no_sentence() -> None:
    text = "What would have to be true for\nit to be right, and what do we\ntell them?\n300 seats.\n- Close\n- Stay"
    assert split_sentences(text) == [
        "What would have to be true for it to be right, and what do we tell them?",
        "300 seats.",
        "- Close",
        "- Stay",
    ]
    assert read_story(text).core.startswith("What would have to be true for it to be right")
