"""Which models really answered, as the ledger has it: a fallback must not be taken for the model that was meant."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from llm.models import LLMCall
from sessions.evaluation.suite import Case
from sessions.models import Evaluation


def answered_by(
    evaluation: Evaluation, modes: Sequence[str], cases: Sequence[Case]
) -> dict[str, list[tuple[str, str, int]]]:
    """Provider, model and number of useful answers, by mode and for the judge."""
    trials = list(evaluation.trials.filter(mode__in=modes, case__in=[case.id for case in cases]))
    ids = {mode: [trial.session_id for trial in trials if trial.mode == mode] for mode in modes}
    ids["judge"] = [trial.judge_id for trial in trials]
    return {name: found for name, keys in ids.items() if (found := _counted(keys))}


def _counted(keys: Sequence[UUID]) -> list[tuple[str, str, int]]:
    rows = (
        LLMCall.objects.filter(session_id__in=keys, status=LLMCall.Status.FINISHED)
        .order_by()
        .values_list("provider", "model")
        .annotate(count=Count("pk"))
    )
    return sorted((provider, model, count) for provider, model, count in rows)
