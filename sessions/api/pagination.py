"""Pages by cursor: stable while new sessions arrive, and as fast at the end of the list as at its beginning."""

from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from sessions.api.problems import Problem

DEFAULT_LIMIT, MAX_LIMIT = 25, 100


class SessionCursor(CursorPagination):
    """Newest first. Ids are UUIDs of version 7, so their order is that of creation, and unique."""

    ordering = "-id"
    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"
    max_page_size = MAX_LIMIT

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The position in the query, checked here: a forged one must not reach the database."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                UUID(str(cursor.position))
        except (NotFound, ValueError) as error:
            raise Problem("invalid_cursor") from error
        return cursor
