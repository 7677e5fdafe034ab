"""``manage.py evaluate SUITE``: does the board help? Modes side by side at equal tokens."""

import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from sessions.evaluation import budget, content, loader, report, run
from sessions.evaluation.answered import answered_by
from sessions.evaluation.errors import EvaluationError, SuiteInvalid
from sessions.management.provider import provider
from sessions.models import Evaluation


class Command(BaseCommand):
    help = (
        "Answer a suite of decisions or questions with the board, with one call and by self-consistency, at equal "
        "tokens; print figures with intervals and write a report. Stopped and started again it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("suite", help="a file of JSON lines, or the name of a suite that comes along: decisions")
        parser.add_argument("--modes", default=",".join(run.MODES), help=f"of {', '.join(run.MODES)} (default: all)")
        parser.add_argument(
            "--budget-tokens", type=int, default=budget.DEFAULT, help="for each case and mode (default %(default)s)"
        )
        parser.add_argument("--rounds", type=int, help="at most so many rounds of the board for each part")
        parser.add_argument("--samples", type=int, default=200, help="of self-consistency, at most (default 200)")
        parser.add_argument("--parallel", type=int, default=4, help="cases at once (default 4)")
        parser.add_argument("--limit", type=int, help="only the first so many cases")
        parser.add_argument("--no-judge", action="store_true", help="leave the criteria unmarked that need a judge")
        parser.add_argument("--retry-failed", action="store_true", help="try once more what failed and may pass")
        parser.add_argument("--fresh", action="store_true", help="begin anew, and pay anew, beside what there is")
        parser.add_argument("--output", type=Path, help="folder for the report (default: beside the board's data)")
        parser.add_argument("--quiet", action="store_true", help="print only the figures")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"] < 2:
            logging.disable(logging.INFO)  # a line for each of thousands of calls
        call_command("migrate", interactive=False, verbosity=0)
        try:
            plan = _plan(options)
            with provider():
                evaluation = run.carry(plan, lambda line: None if options["quiet"] else self._say(line))
        except (SuiteInvalid, EvaluationError) as error:
            code = f" [{error.code}]" if isinstance(error, EvaluationError) else ""
            raise CommandError(f"{error}{code}") from None
        self._report(evaluation, plan, options["output"])

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _report(self, evaluation: Evaluation, plan: run.Plan, folder: Path | None) -> None:
        told = content.Report(
            evaluation.name,
            plan.suite.name,
            plan.tokens,
            timezone.localtime(),
            tuple(run.results(evaluation, plan)),
            answered_by(evaluation, plan.modes, list(plan.suite.first(plan.limit).cases)),
        )
        for line in report.terminal(told):
            self.stdout.write(line)
        folder = folder or settings.DATA_DIR / "evaluations" / evaluation.name
        try:
            paths = report.write(told, folder)
        except OSError as error:
            raise CommandError(f"The report cannot be written to {folder}: {error.strerror} [unwritable]") from None
        self.stdout.write("\n" + "\n".join(str(path) for path in paths))


def _plan(options: dict[str, Any]) -> run.Plan:
    """Raises ``SuiteInvalid`` for the suite and ``EvaluationError`` for everything else that was asked for."""
    modes = tuple(dict.fromkeys(name.strip() for name in options["modes"].split(",") if name.strip()))
    unknown = [name for name in modes if name not in run.MODES]
    if unknown or not modes:
        raise EvaluationError(
            "unknown_mode",
            f"--modes takes {', '.join(run.MODES)}, with commas between; not {', '.join(unknown) or 'nothing'}.",
        )
    for name, low, high in (
        ("budget_tokens", 1, 100_000_000),
        ("rounds", 1, 10),
        ("samples", 1, 1000),
        ("parallel", 1, 64),
        ("limit", 1, 10**9),
    ):
        value = options[name]
        if value is not None and not low <= value <= high:
            raise EvaluationError("out_of_range", f"--{name.replace('_', '-')} must be between {low:,} and {high:,}.")
    return run.Plan(
        loader.read(loader.find(options["suite"])),
        modes=modes,
        tokens=options["budget_tokens"],
        rounds=options["rounds"],
        most=options["samples"],
        parallel=options["parallel"],
        judged=not options["no_judge"],
        limit=options["limit"],
        fresh=options["fresh"],
        retry=options["retry_failed"],
    )
