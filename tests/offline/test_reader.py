"""What the offline provider makes of text as people type and paste it."""

from llm.offline.reader import read_story, split_sentences


def test_line_ends_of_a_browser_and_headings_of_a_document_change_nothing() -> None:
    typed = "It would have to be true for\r\nit to be right. What should we\r\ndo about the roof?"
    assert split_sentences(typed) == [
        "It would have to be true for it to be right.",
        "What should we do about the roof?",
    ]
    assert read_story("# Offer\n\nTwo thirds of the roof are paid by Lund.").names == ("Lund",)


def test_a_line_break_within_a_sentence_ends_no_sentence() -> None:
    text = "What would have to be true for\nit to be right, and what do we\ntell them?\n300 seats.\n- Close\n- Stay"
    assert split_sentences(text) == [
        "What would have to be true for it to be right, and what do we tell them?",
        "300 seats.",
        "- Close",
        "- Stay",
    ]
    assert read_story(text).core.startswith("What would have to be true for it to be right")
