"""``manage.py repair_replans [--dry-run]``: find damaged replans and mend them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from replanning.services import repair


class Command(BaseCommand):
    help = "Find and mend damaged replans: sessions, links and actions that no longer agree with each other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done")
        parser.add_argument("--reason", default="", help="Goes to the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            found = repair.preview()
            for finding in found:
                self.stdout.write(f"{finding.kind}: {finding.says} {finding.remedy}")
            self.stdout.write(f"{len(found)} found, nothing was changed")
            return
        report = repair.repair(reason=options["reason"])
        for one in report:
            outcome = f"NOT mended: {one.error}" if one.error else one.finding.remedy
            self.stdout.write(f"{one.finding.kind}: {one.finding.says} {outcome}")
        failed = sum(1 for one in report if one.error)
        self.stdout.write(f"{len(report) - failed} mended, {failed} failed")
        if failed:
            raise CommandError("Some damage could not be mended; see above.")
