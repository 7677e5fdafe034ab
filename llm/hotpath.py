"""The two statements that every call makes, as compact SQL: through the ORM they cost more than the SDK's own work.

Each is one statement and therefore one transaction. The tables are those of ``llm.models``; a test holds the columns
named here against them.
"""

import json
from typing import Any
from uuid import UUID

from django.db import connection

from llm.models import Answer
from llm.types import Completion, Request

_BEGIN_COLUMNS = (
    "session_id, correlation_id, task_id, call_no, attempt, node, persona, provider, model, tier, offline, status, "
    "error_code, error, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, started_at"
)
_VALUES = "%s::uuid, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'started', '', '', 0, 0, 0, 0, clock_timestamp()"
_START = f"INSERT INTO llm_llmcall ({_BEGIN_COLUMNS}) VALUES ({_VALUES}) RETURNING id"  # noqa: S608  # constants
_START_UNLESS_ANSWERED = f"""
WITH answered AS (SELECT id FROM llm_answer WHERE session_id = %s AND key = %s),
started AS (
    INSERT INTO llm_llmcall ({_BEGIN_COLUMNS}) SELECT {_VALUES} WHERE NOT EXISTS (SELECT FROM answered) RETURNING id
)
SELECT (SELECT id FROM started), (SELECT id FROM answered)
"""  # noqa: S608  # constants

_FINISH = """
UPDATE llm_llmcall SET status = 'finished', model = %s, input_tokens = %s, output_tokens = %s, cache_read_tokens = %s,
cache_write_tokens = %s, cost = %s, latency_ms = %s, finished_at = clock_timestamp() WHERE id = %s
"""
_FINISH_AND_STORE = f"""
WITH settled AS ({_FINISH})
INSERT INTO llm_answer (session_id, key, prompt_digest, value, provider, model, offline, input_tokens, output_tokens,
cache_read_tokens, cache_write_tokens, cost, latency_ms, created_at)
VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (session_id, key) DO NOTHING RETURNING id
"""  # noqa: S608  # constants
_LONGEST_MS = 2_147_483_647


def start(
    request: Request[Any],
    *,
    attempt: int,
    provider: str,
    model: str,
    offline: bool,
    key: str = "",
    correlation_id: str = "",
) -> tuple[int | None, int | None]:
    """Writes an attempt's row, unless ``key`` finds a stored answer; returns the row's id or else the answer's."""
    values = (
        request.session_id,
        correlation_id[:64],
        request.task_id[:200],
        request.call_no,
        attempt,
        request.node[:100],
        request.persona[:100],
        provider,
        model[:100],
        request.tier[:32],
        offline,
    )
    with connection.cursor() as cursor:
        if not key:
            cursor.execute(_START, values)
            return cursor.fetchone()[0], None
        cursor.execute(_START_UNLESS_ANSWERED, (request.session_id, key, *values))
        call_id, answer_id = cursor.fetchone()
        return call_id, answer_id


def finish(call_id: int, completion: Completion[Any], answer: Answer | None) -> bool:
    """Settles an attempt and stores its answer, if there is one to store, together or not at all.

    False when the same step was answered by somebody else meanwhile: then theirs is kept.
    """
    usage = completion.usage
    latency = min(round(completion.latency * 1000), _LONGEST_MS)
    tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    settled = (completion.model[:100], *tokens, completion.cost, latency, call_id)
    with connection.cursor() as cursor:
        if answer is None:
            cursor.execute(_FINISH, settled)
            return True
        session_id: UUID = answer.session_id
        stored = (session_id, answer.key, answer.prompt_digest, json.dumps(answer.value), answer.provider)
        cursor.execute(
            _FINISH_AND_STORE,
            (*settled, *stored, answer.model, answer.offline, *tokens, completion.cost, latency),
        )
        return cursor.fetchone() is not None
