"""Answers that were paid for, found again by whoever repeats the step. Synchronous: call it in a database thread.

What a crash costs: an answer counts as ours once its row is committed. A process that dies between the provider's
answer and that commit loses the answers that were in flight in it, one for each call it was waiting for, and pays
them again; every earlier answer is found here.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from llm.models import Answer
from llm.structured import json_schema
from llm.types import Completion, Request, T, Usage


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the journal: ``key`` for one call of one task, ``digest`` for its prompt alone."""

    session_id: UUID
    key: str
    digest: str


def prompt_digest(request: Request[Any]) -> str:
    """Covers everything of a request that changes its answer, and nothing else (hex, 64 characters)."""
    schema: type[BaseModel] = request.schema
    content = [
        _schema_text(schema),
        request.system,
        request.prompt,
        request.tier,
        request.max_tokens,
        request.temperature,
    ]
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


@cache
def _schema_text(schema: type[BaseModel]) -> str:
    return json.dumps(json_schema(schema), sort_keys=True)


def key_of(request: Request[Any], digest: str) -> str:
    """One call of one task with one prompt (hex, 64 characters)."""
    return hashlib.sha256(json.dumps([request.task_id, request.call_no, digest]).encode()).hexdigest()


def entry_of(request: Request[Any], digest: str) -> Entry | None:
    """Where the answer of a request belongs; None without a session, whose answers are not kept."""
    if request.session_id is None:
        return None
    return Entry(request.session_id, key_of(request, digest), digest)


def find(session_id: UUID, key: str) -> Answer | None:
    return Answer.objects.filter(session_id=session_id, key=key).first()


def find_by_prompt(session_id: UUID, digest: str) -> Answer | None:
    """The newest answer of a session to the same prompt, whatever task asked: for forks that want it."""
    return Answer.objects.filter(session_id=session_id, prompt_digest=digest).order_by("-pk").first()


def store(entry: Entry, completion: Completion[Any]) -> None:
    """Stores an answer that cost nothing; the earlier one is kept when there is one."""
    usage = completion.usage
    Answer.objects.bulk_create(
        [
            Answer(
                session_id=entry.session_id,
                key=entry.key,
                prompt_digest=entry.digest,
                value=completion.value.model_dump(mode="json"),
                provider=completion.provider,
                model=completion.model[:100],
                offline=completion.offline,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cache_read_tokens,
                cache_write_tokens=usage.cache_write_tokens,
                cost=completion.cost,
                latency_ms=round(completion.latency * 1000),
            )
        ],
        ignore_conflicts=True,
    )


def forget(session_id: UUID, key: str) -> None:
    """Drops an answer that no longer fits its schema, so that the next one can be stored."""
    Answer.objects.filter(session_id=session_id, key=key).delete()


def replay(request: Request[T], answer: Answer) -> Completion[T] | None:
    """The completion a stored answer stands for; None when it does not fit the schema any more."""
    try:
        value = request.schema.model_validate(answer.value)
    except ValidationError:
        return None
    return Completion(
        value=value,
        provider=answer.provider,
        model=answer.model,
        usage=Usage(answer.input_tokens, answer.output_tokens, answer.cache_read_tokens, answer.cache_write_tokens),
        cost=answer.cost,
        latency=answer.latency_ms / 1000,
        replayed=True,
        offline=answer.offline,
    )
