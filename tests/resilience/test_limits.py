"""Time limits on every connection (DB2)."""

import pytest
from django.db import OperationalError, connection, transaction
from django.test import override_settings

from bo1site.resilience.database import sqlstate
from bo1site.resilience.postgresql import base


@pytest.mark.django_db
def test_every_connection_has_the_limits_of_its_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        assert cursor.fetchone() == ("30s", "10s")


def test_a_web_process_gives_up_sooner() -> None:
    with override_settings(ROLE="web"):
        assert base.limits()[:2] == (5.0, 3.0)


@pytest.mark.django_db
def test_a_statement_that_takes_too_long_is_cut_with_a_clear_error() -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL statement_timeout = 50")
        with pytest.raises(OperationalError, match="statement timeout") as cut, transaction.atomic():
            cursor.execute("SELECT pg_sleep(5)")
        assert sqlstate(cut.value) == "57014"
        cursor.execute("SELECT 1")
