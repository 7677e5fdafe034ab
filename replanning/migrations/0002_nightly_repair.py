"""Have the queue repair replans every night. Staff may change or remove the schedule; nothing puts it back."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

NAME = "replanning: repair"


def schedule(apps, schema_editor):
    night = timezone.now().replace(hour=3, minute=17, second=0, microsecond=0) + timedelta(days=1)
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME, defaults={"func": "replanning.tasks.repair", "schedule_type": "D", "repeats": -1, "next_run": night}
    )


def unschedule(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("replanning", "0001_initial"), ("django_q", "0018_task_success_index")]
    operations = [migrations.RunPython(schedule, unschedule)]
