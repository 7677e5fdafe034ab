"""Documents on the form and over the API: stored with the session in one transaction, shown, and sent twice in vain."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from sessions.models import Document, IdempotencyKey, Session
from sessions.prompts.sections import LONGEST_DOCUMENTS
from sessions.services import tokens
from tests.api.conftest import Caller, problem
from tests.conftest import PROBLEM
from tests.documents.pdfs import encrypted, pdf

__all__ = ["problem"]

URL = "/api/v1/sessions/"
NEW = "/new/"
NOTES = b"# Rents\n\n- Leeds 400\n- Lisbon 310"


def file(name: str, data: bytes, type_: str = "application/octet-stream") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, type_)


@pytest.fixture
def caller(user: Any) -> Caller:
    return Caller(tokens.rotate(user).key)


@pytest.fixture
def browser(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


def send(caller: Caller, *files: SimpleUploadedFile, headers: dict[str, str] | None = None, **body: Any) -> Any:
    decision = json.dumps({"problem_statement": PROBLEM, **body})
    parts = {"decision": decision, "documents": list(files)}
    return caller.client.post(URL, parts, headers={**caller.headers, **(headers or {})})


def fill(browser: Client, *files: SimpleUploadedFile, **fields: Any) -> dict[str, Any]:
    key = re.search(r'name="key" value="([^"]+)"', browser.get(NEW).content.decode())
    assert key
    return {"key": key[1], "problem_statement": PROBLEM, "max_rounds": "3", "documents": list(files), **fields}


# -- API


def test_files_come_in_a_multipart_request_beside_the_json_of_the_decision(caller: Caller) -> None:
    answer = send(caller, file("rents.md", NOTES), file("lease.pdf", pdf("The lease", "Page two")), options=["Move"])
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["options"] == ["Move"]
    assert [(one["name"], one["kind"], one["pages"]) for one in body["documents"]] == [
        ("rents.md", "markdown", None),
        ("lease.pdf", "pdf", 2),
    ]
    rows = list(Document.objects.filter(session_id=body["id"]))
    assert [row.text for row in rows] == [NOTES.decode(), "The lease\n\nPage two"]
    assert [row.characters for row in rows] == [len(row.text) for row in rows]
    assert caller.get(f"{URL}{body['id']}/").json()["documents"] == body["documents"]


def test_texts_may_come_in_the_json_itself(caller: Caller) -> None:
    answer = caller.post(URL, {"problem_statement": PROBLEM, "documents": [{"name": "a.md", "text": "Rent is 400."}]})
    assert answer.status_code == 201, answer.content
    assert Document.objects.get().text == "Rent is 400."


def test_a_multipart_request_sent_twice_makes_one_session(caller: Caller) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = send(caller, file("a.md", NOTES), file("l.pdf", pdf("The lease")), headers=headers)
    again = send(caller, file("a.md", NOTES), file("l.pdf", pdf("The lease")), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert (Session.objects.count(), Document.objects.count()) == (1, 2)


def test_the_same_key_with_another_file_is_refused(caller: Caller, problem: Any) -> None:
    headers = {"Idempotency-Key": "k1"}
    send(caller, file("a.md", NOTES), headers=headers)
    problem(send(caller, file("a.md", NOTES + b"!"), headers=headers), 422, "idempotency_key_reused")
    problem(send(caller, headers=headers), 422, "idempotency_key_reused")
    assert Session.objects.count() == 1


def test_a_refused_document_leaves_nothing_behind_and_its_key_free(caller: Caller, problem: Any) -> None:
    headers = {"Idempotency-Key": "k1"}
    body = problem(
        send(caller, file("a.md", NOTES), file("l.pdf", encrypted("x", "y")), headers=headers),
        400,
        "document_encrypted",
    )
    assert body["errors"][0]["field"] == "documents.1"
    assert (Session.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert send(caller, file("a.md", NOTES), headers=headers).status_code == 201


BAD_PARTS: list[tuple[dict[str, Any], str, str]] = [
    ({"documents": [file("a.md", NOTES)]}, "required", "decision"),
    ({"decision": "{", "documents": []}, "malformed_json", ""),
    ({"decision": "[]"}, "wrong_type", ""),
    ({"decision": json.dumps({"problem_statement": PROBLEM}), "documents": "a text"}, "wrong_type", "documents.0"),
    ({"decision": json.dumps({"problem_statement": PROBLEM}), "other": "x"}, "unknown_field", "other"),
    ({"decision": json.dumps({"problem_statement": PROBLEM, "max_rounds": "3"})}, "wrong_type", "max_rounds"),
    ({"decision": json.dumps({"problem_statement": PROBLEM, "documents": ["a"]})}, "wrong_type", "documents.0"),
]


@pytest.mark.parametrize(("parts", "code", "field"), BAD_PARTS, ids=[f"{row[1]}-{row[2]}" for row in BAD_PARTS])
def test_a_multipart_request_is_as_strict_as_any_other(
    caller: Caller, problem: Any, parts: dict[str, Any], code: str, field: str
) -> None:
    body = problem(caller.client.post(URL, parts, headers=caller.headers), 400, code)
    if field:
        assert body["errors"][0]["field"].startswith(field), body
    assert Session.objects.count() == 0


def test_a_request_beyond_all_measure_is_refused_while_it_comes_in(caller: Caller, problem: Any) -> None:
    problem(send(caller, *[file(f"{n}.txt", b"a" * 4_900_000) for n in range(3)]), 413, "too_large")


def test_a_signed_in_page_may_send_files_too(user: Any) -> None:
    """With a session the CSRF check reads the form before the view does: the files are still there."""
    tab = Client(enforce_csrf_checks=True)
    tab.force_login(user)
    tab.get(NEW)
    token = tab.cookies["csrftoken"].value

    def parts() -> dict[str, Any]:
        return {"decision": json.dumps({"problem_statement": PROBLEM}), "documents": [file("a.md", NOTES)]}

    assert tab.post(URL, parts()).status_code == 403
    assert tab.post(URL, parts(), headers={"X-CSRFToken": token}).status_code == 201
    assert Document.objects.get().text == NOTES.decode()


def test_the_catalogue_and_the_owners_wishes_go_over_the_api(caller: Caller, problem: Any) -> None:
    people = caller.get("/api/v1/personas/").json()
    assert len(people) >= 40
    wanted, refused = people[3]["slug"], people[5]["slug"]
    answer = caller.post(
        URL, {"problem_statement": PROBLEM, "experts_picked": [wanted, wanted], "experts_vetoed": [refused]}
    )
    assert (answer.json()["experts_picked"], answer.json()["experts_vetoed"]) == ([wanted], [refused])
    for wishes, code, field in [
        ({"experts_picked": ["pre-mortum"]}, "unknown_expert", "experts_picked"),
        ({"experts_vetoed": ["x" * 500]}, "unknown_expert", "experts_vetoed"),
        ({"experts_picked": [wanted], "experts_vetoed": [wanted]}, "expert_picked_and_vetoed", "experts_vetoed"),
        ({"experts_picked": [one["slug"] for one in people[:6]]}, "too_many_experts", "experts_picked"),
        ({"experts_vetoed": [one["slug"] for one in people[4:]]}, "too_few_experts_left", "experts_vetoed"),
    ]:
        body = problem(caller.post(URL, {"problem_statement": PROBLEM, **wishes}), 400, code)
        assert body["errors"][0]["field"] == field
    body = problem(
        caller.post(URL, {"problem_statement": PROBLEM, "experts_picked": ["pre-mortum"]}), 400, code="unknown_expert"
    )
    assert "Did you mean “pre-mortem”?" in body["detail"]


# -- pages


def test_documents_on_the_form_are_kept_with_the_session_and_shown(browser: Client) -> None:
    answer = browser.post(NEW, fill(browser, file("rents.md", NOTES), file("lease.pdf", pdf("The lease"))), follow=True)
    page = answer.content.decode()
    session = Session.objects.get()
    assert Document.objects.filter(session=session).count() == 2
    for row in session.documents.all():
        place = reverse("board:document", args=[session.pk, row.position])
        assert place in page
        assert row.name in page
        assert row.text in unescape(browser.get(place).content.decode())
    assert browser.get(reverse("board:document", args=[session.pk, 2])).status_code == 404


def test_a_form_with_files_sent_twice_makes_one_session_and_with_other_files_asks(browser: Client) -> None:
    fields = fill(browser)
    first = browser.post(NEW, {**fields, "documents": [file("a.md", NOTES)]})
    again = browser.post(NEW, {**fields, "documents": [file("a.md", NOTES)]})
    assert first.url == again.url
    other = browser.post(NEW, {**fields, "documents": [file("a.md", b"Other notes")]})
    assert other.status_code == 409
    assert "Attach your documents again" in other.content.decode()
    assert (Session.objects.count(), Document.objects.count()) == (1, 1)


def test_a_refused_document_is_told_beside_its_field_and_nothing_typed_is_lost(browser: Client) -> None:
    fields = fill(browser, file("a.md", NOTES), file("l.pdf", b"%PDF-1.4 nothing"), options="Move\nStay")
    answer = browser.post(NEW, fields)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert re.search(r'id="id_documents_error"><span data-code="document_broken">l.pdf: ', page)
    assert "Move\nStay" in page
    assert "Attach your documents again" in page
    assert not Session.objects.exists()


def test_a_form_beyond_all_measure_is_a_clear_400(browser: Client) -> None:
    answer = browser.post(NEW, fill(browser, *[file(f"{n}.txt", b"a" * 4_900_000) for n in range(3)]))
    assert answer.status_code == 400
    assert "We could not read that" in answer.content.decode()
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"experts_picked": ["nobody"]}, "unknown_expert"),
        ({"experts_picked": ["regret"], "experts_vetoed": ["regret"]}, "expert_picked_and_vetoed"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_and_stays_ticked(
    browser: Client, wishes: dict[str, list[str]], code: str
) -> None:
    answer = browser.post(NEW, fill(browser, **wishes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'data-code="{code}"' in page
    assert '<details class="experts" open>' in page
    assert page.count(" checked") == sum(slug != "nobody" for slugs in wishes.values() for slug in slugs)


def test_wishes_on_the_form_are_kept_and_shown_in_the_room(browser: Client) -> None:
    page = browser.post(NEW, fill(browser, experts_picked=["regret"], experts_vetoed=["red-team"]), follow=True)
    session = Session.objects.get()
    assert (session.experts_picked, session.experts_vetoed) == (["regret"], ["red-team"])
    assert re.search(r"Solveig Marchand .*wanted", page.content.decode())
    assert re.search(r"Viktor Sandoval .*left out", page.content.decode())


def test_a_document_of_somebody_elses_decision_is_not_there(
    browser: Client, make_session: Any, django_user_model: Any
) -> None:
    browser.post(NEW, fill(browser, file("a.md", NOTES)))
    session = Session.objects.get()
    other = Client()
    other.force_login(django_user_model.objects.create_user("eve"))
    assert other.get(reverse("board:document", args=[session.pk, 0])).status_code == 404


def test_the_page_says_how_much_of_a_long_document_the_board_sees(browser: Client) -> None:
    browser.post(NEW, fill(browser, file("long.txt", b"A line of words.\n" * 3000)))
    page = browser.get(reverse("board:document", args=[Session.objects.get().pk, 0])).content.decode()
    assert f"The board sees {LONGEST_DOCUMENTS:,} of its 50,999 characters" in page


def test_staff_read_a_document_in_the_admin_escaped(browser: Client, staff: Any) -> None:
    browser.post(NEW, fill(browser, file("<b>.md", b"<script>alert(1)</script> and text")))
    row = Document.objects.get()
    admin = Client()
    admin.force_login(staff)
    page = admin.get(reverse("admin:board_document_change", args=[row.pk])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; and text" in page
    assert "<script>alert(1)" not in page
    story = admin.get(reverse("admin:board_session_change", args=[row.session_id])).content.decode()
    assert reverse("admin:board_document_change", args=[row.pk]) in story
    assert admin.get(reverse("admin:board_document_changelist")).status_code == 200
