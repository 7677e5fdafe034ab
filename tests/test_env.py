"""Settings fail loudly and say what to do."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from bo1site.env import Env, database_from_url


def test_a_flag_that_is_no_flag_names_the_variable_and_what_to_write() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"BO1_DEBUG is 'perhaps'.*1 or 0"):
        Env({"BO1_DEBUG": "perhaps"}).flag("BO1_DEBUG", False)


def test_unset_and_empty_numbers_take_the_default() -> None:
    assert Env({}).integer("A", 3) == 3
    assert Env({"A": " "}).integer("A", 3) == 3


@pytest.mark.parametrize("raw", ["x", "1.5", "0", "9"])
def test_a_number_that_is_unreadable_or_out_of_bounds_is_refused(raw: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="A is"):
        Env({"A": raw}).integer("A", 3, low=1, high=8)


@pytest.mark.parametrize("raw", ["nan", "inf"])
def test_numbers_are_finite(raw: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        Env({"A": raw}).number("A", 1.0)


def test_a_choice_outside_the_choices_lists_them() -> None:
    with pytest.raises(ImproperlyConfigured, match="anthropic or openai"):
        Env({"LLM_PRIMARY": "x"}).choice("LLM_PRIMARY", "anthropic", ("anthropic", "openai"))


def test_another_scheme_than_the_wanted_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="redis://host:port"):
        Env({"REDIS_URL": "http://x"}).url("REDIS_URL", schemes=("redis",))


def test_a_socket_directory_in_the_query_becomes_the_host() -> None:
    entry = database_from_url("postgresql://me:p%40ss@/board?host=/run/pg&sslmode=disable")
    assert (entry["HOST"], entry["NAME"], entry["USER"], entry["PASSWORD"]) == ("/run/pg", "board", "me", "p@ss")
    assert entry["OPTIONS"] == {"sslmode": "disable"}


def test_another_database_is_refused_without_quoting_the_password() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        database_from_url("mysql://me:secret@host/db")
    assert "PostgreSQL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_url_without_a_database_says_so() -> None:
    with pytest.raises(ImproperlyConfigured, match="names no database"):
        database_from_url("postgresql://host/")
