"""Answers that were paid for, found again by whoever repeats the step. Synchronous: call it in a database thread.

What a crash costs: an answer counts as ours once its row is committed. A process that dies between the provider's
answer and that commit loses the answers that were in flight in it, one for each call it was waiting for, and pays
them again; every earlier answer is found here.
"""

import hashlib
import json
from functools import cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from pydantic import BaseModel, ValidationError

from llm.models import Answer
from llm.structured import json_schema
from llm.types import Completion, Request, T, Usage


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


def find(session_id: UUID, key: str) -> Answer | None:
    return Answer.objects.filter(session_id=session_id, key=key).first()


def find_by_prompt(session_id: UUID, digest: str) -> Answer | None:
    """The newest answer of a session to the same prompt, whatever task asked: for forks that want it."""
    return Answer.objects.filter(session_id=session_id, prompt_digest=digest).order_by("-pk").first()


def store(answer: Answer) -> Answer:
    """Stores an answer; returns the one that is kept, which is the earlier one when two workers raced."""
    try:
        with transaction.atomic():
            answer.save(force_insert=True)
    except IntegrityError:
        return find(answer.session_id, answer.key) or answer
    return answer


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


def compose(request: Request[Any], session_id: UUID, digest: str, completion: Completion[Any]) -> Answer:
    """The journal's row for an answer, not yet stored."""
    usage = completion.usage
    return Answer(
        session_id=session_id,
        key=key_of(request, digest),
        prompt_digest=digest,
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
