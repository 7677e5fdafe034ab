"""``sessions`` is our package and Django's label; every reference must mean ours."""

from django.apps import apps
from django.contrib.auth.models import Permission

from sessions.models import Session


def test_our_app_answers_to_the_label_board_and_djangos_keeps_sessions() -> None:
    assert apps.get_app_config("board").name == "sessions"
    assert apps.get_app_config("sessions").name == "django.contrib.sessions"


def test_the_session_model_lives_under_board() -> None:
    assert apps.get_model("board.Session") is Session
    assert Session._meta.db_table == "board_session"


def test_every_relation_to_a_session_means_ours() -> None:
    targets = {
        field.related_model
        for model in apps.get_app_config("board").get_models()
        for field in model._meta.get_fields()
        if field.is_relation and field.name == "session"
    }
    assert targets == {Session}


def test_the_view_permission_is_boards(db: None) -> None:
    codes = Permission.objects.filter(codename="view_session").values_list("content_type__app_label", flat=True)
    assert set(codes) == {"board", "sessions"}
    assert Session._meta.app_label == "board"
