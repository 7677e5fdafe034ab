"""Every list, filter, search, date and page of the admin opens on a real PostgreSQL with server-side binding."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success

from sessions.models import Session

OURS = [model for model in apps.get_app_config("board").get_models() if admin.site.is_registered(model)]
NOT_OF_A_SESSION = ("session", "runnerslot", "idempotencykey", "evaluation", "personaversion")
QUEUE = [Success, Failure, Schedule, OrmQ]
#: Queries that any page may take. None depends on the number of rows.
MOST = 14


def name(model: Any) -> str:
    return str(model._meta.model_name)


def url(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{name(model)}_{page}", args=args)


def test_every_table_of_the_board_is_in_the_admin() -> None:
    assert set(OURS) == set(apps.get_app_config("board").get_models())


@pytest.mark.parametrize("model", OURS + QUEUE, ids=name)
def test_every_list_opens_with_few_queries(model: Any, viewer: Any, full: Any) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = viewer.get(url(model, "changelist"))
    assert page.status_code == 200
    assert len(queries) <= MOST, [query["sql"] for query in queries]


@pytest.mark.parametrize("model", OURS, ids=name)
def test_every_row_opens_with_few_queries(model: Any, viewer: Any, full: Any) -> None:
    row = model.objects.order_by("-pk").first() if model is not Session else full
    with CaptureQueriesContext(connection) as queries:
        page = viewer.get(url(model, "change", row.pk))
    assert page.status_code == 200
    assert len(queries) <= MOST, [query["sql"] for query in queries]


@pytest.mark.parametrize("model", OURS, ids=name)
def test_every_filter_and_every_choice_of_it_opens(model: Any, viewer: Any, history: Any, full: Any) -> None:
    links = {query for query in _choices(model, history.staff) if query != "?"}
    for query in links:
        assert viewer.get(f"{url(model, 'changelist')}{query}").status_code == 200, query


def _choices(model: Any, staff: Any) -> Any:
    request = RequestFactory().get(url(model, "changelist"))
    request.user = staff
    model_admin = admin.site._registry[model]
    changelist: ChangeList = model_admin.get_changelist_instance(request)
    for spec in changelist.filter_specs:
        for choice in spec.choices(changelist):
            yield choice["query_string"]


@pytest.mark.parametrize("model", OURS + QUEUE, ids=name)
@pytest.mark.parametrize("term", ["{id}", "rents and words", "100%_\\'\"", "<script>", "x" * 300, "0"])
def test_every_search_opens(model: Any, term: str, viewer: Any, full: Any) -> None:
    page = viewer.get(url(model, "changelist"), {"q": term.format(id=full.pk)})
    assert page.status_code == 200


@pytest.mark.parametrize("model", [m for m in OURS if name(m) not in NOT_OF_A_SESSION], ids=name)
def test_a_sessions_id_finds_its_rows(model: Any, viewer: Any, full: Any) -> None:
    page = viewer.get(url(model, "changelist"), {"q": str(full.pk)})
    assert page.context["cl"].result_count >= 1
    assert (
        viewer.get(url(model, "changelist"), {"q": "01890000-0000-7000-8000-000000000000"}).context["cl"].result_count
        == 0
    )


def test_a_session_is_found_by_id_title_and_owner(viewer: Any, full: Any) -> None:
    for term in (str(full.pk), "lisbon leeds donald"):
        assert full in viewer.get(url(Session, "changelist"), {"q": term}).context["cl"].result_list
    assert viewer.get(url(Session, "changelist"), {"q": "Decision 417"}).context["cl"].result_count == 1


@pytest.mark.parametrize("model", [m for m in OURS if admin.site._registry[m].date_hierarchy], ids=name)
def test_every_level_of_a_date_hierarchy_opens(model: Any, viewer: Any, full: Any) -> None:
    field = admin.site._registry[model].date_hierarchy
    row = model.objects.first()
    assert row is not None, "the seed has no row of it"
    moment, path = getattr(row, str(field)), url(model, "changelist")
    steps = {f"{field}__year": moment.year, f"{field}__month": moment.month, f"{field}__day": moment.day}
    for depth in range(4):
        query = dict(list(steps.items())[:depth])
        page = viewer.get(path, query)
        assert page.status_code == 200
        assert page.context["cl"].result_count >= 1


@pytest.mark.parametrize(
    "query",
    [{"session__id__exact": "nonsense"}, {"p": "9999"}, {"p": "x"}, {"o": "99.x"}, {"nothing": "1"}, {"e": "1"}],
    ids=urlencode,
)
def test_a_forged_address_is_no_server_error(query: dict[str, str], viewer: Any, full: Any) -> None:
    from sessions.models import Event

    assert viewer.get(url(Event, "changelist"), query, follow=True).status_code == 200


@pytest.mark.parametrize("identifier", ["nonsense", "01890000-0000-7000-8000-000000000000"])
def test_a_session_that_does_not_exist_is_no_server_error(identifier: str, viewer: Any, full: Any) -> None:
    assert viewer.get(url(Session, "change", identifier), follow=True).status_code == 200


def test_the_list_of_sessions_shows_status_in_words_and_cost(viewer: Any, full: Any) -> None:
    text = viewer.get(url(Session, "changelist")).content.decode()
    assert 'class="badge badge-created"' in text
    assert "Draft" in text
    assert "$0.0100 + 1 unknown / $2.5" in text


def test_the_story_shows_events_runs_checkpoints_calls_and_audit(viewer: Any, full: Any) -> None:
    text = viewer.get(url(Session, "change", full.pk)).content.decode()
    for part in ("Timeline", "worker-2", "1f0", "$0.0100 + 1 unknown", "an alert", "Show all of them"):
        assert part in text


def test_the_story_stays_bounded_however_long_the_session_was(viewer: Any, full: Any) -> None:
    page = viewer.get(url(Session, "change", full.pk))
    timeline = page.context["story"]["timeline"]
    assert len(timeline.rows) == 40
    assert viewer.get(timeline.everything).context["cl"].result_count == 61


@pytest.mark.parametrize("chapter", ["timeline", "runs", "checkpoints", "calls", "audit"])
def test_the_links_to_everything_open_the_filtered_list(chapter: str, viewer: Any, full: Any) -> None:
    story = viewer.get(url(Session, "change", full.pk)).context["story"]
    assert viewer.get(story[chapter].everything).context["cl"].result_count >= len(story[chapter].rows)


@pytest.mark.parametrize("model", OURS, ids=name)
def test_model_text_and_user_text_is_escaped(model: Any, viewer: Any, full: Any) -> None:
    row = full if model is Session else model.objects.order_by("pk").last()
    for page in (url(model, "changelist"), url(model, "change", row.pk)):
        text = viewer.get(page).content.decode()
        assert "<script>alert" not in text
        assert "<b>Rents" not in text
        assert "<b>rise" not in text


def test_no_list_counts_a_whole_table(viewer: Any, full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sessions.admin import counting

    monkeypatch.setattr(counting, "COUNTED", 100)
    with CaptureQueriesContext(connection) as queries:
        page = viewer.get(url(Session, "changelist"))
    assert page.status_code == 200
    counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert counts
    assert all("LIMIT 101" in sql for sql in counts), counts


def test_an_estimate_stands_in_for_the_count_of_a_large_table(
    viewer: Any, history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sessions.admin import counting

    monkeypatch.setattr(counting, "COUNTED", 100)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE board_session")
    assert viewer.get(url(Session, "changelist")).context["cl"].result_count == len(history.thousand) + 1
    assert viewer.get(url(Session, "changelist"), {"q": "Decision"}).context["cl"].result_count == 100


def test_the_index_and_the_app_list_open(viewer: Any) -> None:
    assert viewer.get(reverse("admin:index")).status_code == 200
    assert viewer.get(reverse("admin:app_list", args=["board"])).status_code == 200


def test_pages_need_no_inline_script_or_style(viewer: Any, full: Any) -> None:
    """They are served under a content security policy that allows neither."""
    for page in (url(Session, "changelist"), url(Session, "change", full.pk)):
        text = viewer.get(page).content.decode()
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
