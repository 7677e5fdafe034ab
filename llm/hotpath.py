"""The two statements that every call makes, as compact SQL: through the ORM they cost more than the SDK's own work.

The first asks the journal, holds the session to its cap and writes the attempt's row; the second settles that row and
stores the answer. Each is one statement and therefore one transaction. The tables are those of ``llm.models``; a test
holds the columns named here against them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bo1site.resilience import statement
from llm import journal, pricing
from llm.types import Completion, Request

_BEGIN_COLUMNS = (
    "session_id, correlation_id, task_id, call_no, attempt, node, persona, provider, model, tier, offline, status, "
    "error_code, error, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, started_at"
)
_VALUES = "%s::uuid, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'started', '', '', 0, 0, 0, 0, clock_timestamp()"
_START = f"INSERT INTO llm_llmcall ({_BEGIN_COLUMNS}) VALUES ({_VALUES}) RETURNING id"  # noqa: S608  # constants
_ANSWERED = "answered AS (SELECT id FROM llm_answer WHERE session_id = %s AND key = %s)"
_START_UNLESS_ANSWERED = f"""
WITH {_ANSWERED},
started AS (
    INSERT INTO llm_llmcall ({_BEGIN_COLUMNS}) SELECT {_VALUES} WHERE NOT EXISTS (SELECT FROM answered) RETURNING id
)
SELECT (SELECT id FROM started), (SELECT id FROM answered), NULL
"""  # noqa: S608  # constants
# Known costs, and answers of unknown price at the dearest listed rates.
_START_WITHIN_CAP = f"""
WITH {_ANSWERED},
spent AS (
    SELECT coalesce(sum(cost), 0) + (
        coalesce(sum(input_tokens) FILTER (WHERE cost IS NULL), 0) * %s::numeric
        + coalesce(sum(output_tokens) FILTER (WHERE cost IS NULL), 0) * %s::numeric
        + coalesce(sum(cache_read_tokens) FILTER (WHERE cost IS NULL), 0) * %s::numeric
        + coalesce(sum(cache_write_tokens) FILTER (WHERE cost IS NULL), 0) * %s::numeric
    ) / 1000000 AS dollars
    FROM llm_llmcall WHERE session_id = %s
),
started AS (
    INSERT INTO llm_llmcall ({_BEGIN_COLUMNS}) SELECT {_VALUES}
    WHERE NOT EXISTS (SELECT FROM answered) AND (SELECT dollars FROM spent) < %s::numeric RETURNING id
)
SELECT (SELECT id FROM started), (SELECT id FROM answered), (SELECT dollars FROM spent)
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


@dataclass(frozen=True, slots=True)
class Started:
    """Exactly one of: the attempt's row is written (``call_id``), the journal holds the answer (``answer_id``), or
    neither, because the session has ``spent`` (US dollars) its cap."""

    call_id: int | None
    answer_id: int | None = None
    spent: Decimal | None = None


def start(
    request: Request[Any],
    *,
    attempt: int,
    provider: str,
    model: str,
    offline: bool,
    key: str = "",
    cap: Decimal | None = None,
    correlation_id: str = "",
) -> Started:
    """Writes an attempt's row, unless ``key`` finds a stored answer or the session has spent ``cap`` US dollars."""
    session = request.session_id
    values = (
        session,
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
    if not key:
        found = statement.rows(_START, values)
    elif cap is None:
        found = statement.rows(_START_UNLESS_ANSWERED, (session, key, *values))
    else:
        dearest = pricing.ceiling()
        rates = (dearest.input, dearest.output, dearest.cache_read, dearest.cache_write)
        found = statement.rows(_START_WITHIN_CAP, (session, key, *rates, session, *values, cap))
    return Started(*found[0])


def finish(call_id: int, completion: Completion[Any], entry: journal.Entry | None) -> bool:
    """Settles an attempt and stores its answer, if there is one to store, together or not at all.

    False when the same step was answered by somebody else meanwhile: then theirs is kept.
    """
    usage = completion.usage
    latency = min(round(completion.latency * 1000), _LONGEST_MS)
    tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    model = completion.model[:100]
    settled = (model, *tokens, completion.cost, latency, call_id)
    if entry is None:
        statement.rows(_FINISH, settled)
        return True
    stored = (entry.session_id, entry.key, entry.digest, completion.value.model_dump_json(), completion.provider)
    values = (*settled, *stored, model, completion.offline, *tokens, completion.cost, latency)
    return bool(statement.rows(_FINISH_AND_STORE, values))
