"""What is being written right now: from the model to the person who watches, and never in the way of anything."""

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from llm.types import Request
from sessions.graph.schemas import Position
from sessions.speech import wire
from sessions.speech.half_json import LONGEST, Reading
from sessions.speech.speaker import AGAIN, BUDGET, EVERY, WATCHED_FOR, Speaker
from sessions.speech.wire import Words
from sessions.stream.voices import SILENCE, Heard, Voices

SESSION = str(uuid4())
POSITION = {
    "option": "Stay in Leeds", "claim": "Stay, and say so on Monday.", "reasons": ["Rent is fixed.", "Schools."],
    "conditions": [], "response": "", "confidence": 0.7,
}  # fmt: skip


def read(*pieces: str) -> str:
    reading = Reading()
    for piece in pieces:
        reading.push(piece)
    return reading.text


def test_the_texts_of_an_answer_are_read_one_a_line_and_labels_are_not() -> None:
    assert read(json.dumps(POSITION)) == "Stay, and say so on Monday.\nRent is fixed.\nSchools."


@given(st.data())
def test_any_cut_of_an_answer_is_read_the_same_and_only_ever_grows(data: st.DataObject) -> None:
    claim = data.draw(st.text(max_size=60))
    document = json.dumps({**POSITION, "claim": claim}, ensure_ascii=data.draw(st.booleans()))
    reading, at, before = Reading(), 0, ""
    while at < len(document):
        size = data.draw(st.integers(1, 40))
        reading.push(document[at : at + size])
        assert reading.text.startswith(before)
        at, before = at + size, reading.text
    assert reading.text == read(document)


@given(st.lists(st.text(alphabet='{}[]",:\\u0dD8aé\x00 \n', max_size=30), max_size=10))
def test_garbage_is_read_without_an_error_and_bounded(pieces: list[str]) -> None:
    assert len(read(*pieces)) <= LONGEST + 30


def test_prose_and_fences_around_the_document_are_not_read() -> None:
    assert read('Here is "my" answer:\n```json\n{"claim": "Yes"}\n```') == "Yes"


@given(st.text(max_size=9000))
def test_a_message_fits_a_notification_and_comes_back_whole_or_cut_at_its_end(text: str) -> None:
    message = wire.encode(Words(SESSION, "k", "persona", "skeptic", 1, text))
    assert len(message.encode()) <= wire.LARGEST < 8000
    words = wire.decode(message)
    assert words is not None
    assert text.replace("\x00", "").startswith(words.text)
    if len(message.encode()) < wire.LARGEST - 4:
        assert words.text == text.replace("\x00", "")


def test_what_is_no_message_of_ours_is_passed_over() -> None:
    assert [wire.decode(message) for message in ("", "{}", "[1,2]", "null", '["a"]')] == [None] * 5


def test_the_ids_of_many_sessions_fit_several_notifications() -> None:
    ids = [str(uuid4()) for _ in range(450)]
    payloads = wire.pack_ids(ids)
    assert max(map(len, payloads)) < 8000
    assert [found for payload in payloads for found in wire.unpack_ids(payload)] == ids


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def request(**more: Any) -> Request[Position]:
    fields: dict[str, Any] = {"session_id": SESSION, "task_id": "t", "node": "persona", "persona": "skeptic", **more}
    return Request(schema=Position, system="", prompt="", **fields)


def spoken(speaker: Speaker) -> list[Words]:
    found = [wire.decode(message) for message in speaker.collect()]
    return [words for words in found if words is not None]


def test_nobody_s_call_is_overheard_while_nobody_watches() -> None:
    clock = Clock()
    speaker = Speaker(clock)
    with speaker.overheard(request()) as heard:
        assert heard.on_text is None
    speaker.watch(wire.pack_ids([SESSION])[0])
    clock.now += WATCHED_FOR
    with speaker.overheard(request()) as heard:
        assert heard.on_text is None


def test_a_watched_session_s_words_are_sent_a_few_times_a_second_however_many_pieces_come() -> None:
    clock = Clock()
    speaker = Speaker(clock)
    speaker.watch(wire.pack_ids([SESSION])[0])
    with speaker.overheard(request()) as heard:
        assert heard.on_text is not None
        sent = 0
        for n, char in enumerate(json.dumps({"claim": "x" * 400})):
            heard.on_text(1, char)
            clock.now += 0.01
            if n % 5 == 0:
                sent += len(spoken(speaker))
        assert 10 <= sent <= (clock.now - 100) / EVERY + 1
    [last] = spoken(speaker)
    assert (last.ended, last.text) == (True, "x" * 400)
    assert spoken(speaker) == []


def test_another_attempt_begins_the_words_anew() -> None:
    clock = Clock()
    speaker = Speaker(clock)
    speaker.watch(wire.pack_ids([SESSION])[0])
    with speaker.overheard(request()) as heard:
        assert heard.on_text is not None
        heard.on_text(1, '{"claim": "No')
        [first] = spoken(speaker)
        clock.now += EVERY
        heard.on_text(2, '{"claim": "Yes')
        [second] = spoken(speaker)
    assert (first.text, second.text) == ("No", "Yes")
    assert second.run > first.run


def test_words_are_repeated_now_and_then_since_a_message_may_be_lost() -> None:
    clock = Clock()
    speaker = Speaker(clock)
    speaker.watch(wire.pack_ids([SESSION])[0])
    with speaker.overheard(request()) as heard:
        assert heard.on_text is not None
        heard.on_text(1, '{"claim": "Wait')
        assert len(spoken(speaker)) == 1
        clock.now += EVERY
        assert spoken(speaker) == []
        clock.now += AGAIN
        assert [words.text for words in spoken(speaker)] == ["Wait"]


def test_under_load_words_wait_and_those_that_waited_longest_go_first() -> None:
    clock = Clock()
    speaker = Speaker(clock)
    speaker.watch(wire.pack_ids([SESSION])[0])
    voices = [speaker.overheard(request(task_id=f"t{n}")) for n in range(20)]
    for voice in voices:
        heard = voice.__enter__()
        assert heard.on_text is not None
        heard.on_text(1, json.dumps({"claim": "x" * 5900}))
    first = speaker.collect()
    assert sum(len(message.encode()) for message in first) <= BUDGET
    clock.now += 0.01
    second = speaker.collect()
    keys = [words.key for message in first + second if (words := wire.decode(message))]
    assert len(keys) == len(set(keys)) == 20


def frames(body: bytes) -> list[dict[str, Any]]:
    blocks = body.decode().split("\n\n")[:-1]
    assert all("\nid:" not in block for block in blocks)
    return [json.loads(block.split("\ndata: ", 1)[1]) for block in blocks]


def shown(pieces: list[dict[str, Any]], page: dict[str, str]) -> dict[str, str]:
    """What a page shows that follows the rule in docs/streaming.md."""
    for piece in pieces:
        if piece.get("end"):
            page.pop(piece["key"], None)
        else:
            page[piece["key"]] = page.get(piece["key"], "")[: piece["at"]] + piece["text"]
    return page


words = st.builds(
    Words,
    session_id=st.just(SESSION),
    key=st.sampled_from(["a", "b"]),
    node=st.just("persona"),
    persona=st.just("skeptic"),
    run=st.integers(1, 2),
    text=st.text(alphabet="xyz", max_size=5),
    ended=st.just(False),
)


@given(st.lists(st.tuples(words, st.booleans()), max_size=30))
def test_a_page_shows_what_was_heard_last_whatever_it_was_spared(messages: list[tuple[Words, bool]]) -> None:
    """Messages lost, doubled and out of order; a client that looks only now and then."""
    voices, heard, page = Voices(), Heard(), dict[str, str]()
    newest: dict[str, tuple[int, str]] = {}
    for message, looks in messages:
        text = {1: "abcde", 2: "fghij"}[message.run][: len(message.text)]
        voices.hear(replace(message, text=text), 0.0)
        newest[message.key] = max(newest.get(message.key, (0, "")), (message.run, text))
        if looks:
            shown(frames(voices.news(heard)), page)
    shown(frames(voices.news(heard)), page)
    assert page == {key: text for key, (_, text) in newest.items()}
    assert voices.news(heard) == b""


def test_a_late_joiner_gets_the_whole_text_and_the_end_of_a_voice() -> None:
    voices = Voices()
    voices.hear(Words(SESSION, "a", "persona", "p", 1, "Half a sen"), 0.0)
    late = Heard()
    assert [piece["text"] for piece in frames(voices.news(late))] == ["Half a sen"]
    voices.hear(Words(SESSION, "a", "persona", "p", 1, "", ended=True), 1.0)
    voices.hear(Words(SESSION, "a", "persona", "p", 1, "Half a sen"), 1.0)  # overtaken
    assert frames(voices.news(late)) == [{"key": "a", "end": True}]


def test_a_voice_that_fell_silent_is_taken_away() -> None:
    """Its worker was killed."""
    voices, heard = Voices(), Heard()
    voices.hear(Words(SESSION, "a", "persona", "p", 1, "Half"), 0.0)
    voices.news(heard)
    assert not voices.tidy(SILENCE)
    assert voices.tidy(SILENCE + 1)
    assert frames(voices.news(heard)) == [{"key": "a", "end": True}]
