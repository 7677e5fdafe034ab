"""A unique constraint that begins with the session serves as its index; nobody looks for a persona among the texts; a
range of time finds events.

Every index less is one insertion less for each event and text of a debate.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("board", "0008_resolution"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="checkpoint",
            name="checkpoint_run",
        ),
        migrations.RemoveIndex(
            model_name="event",
            name="event_created",
        ),
        migrations.AlterField(
            model_name="actionproposal",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="assessment",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="contribution",
            name="persona",
            field=models.SlugField(db_index=False, max_length=60),
        ),
        migrations.AlterField(
            model_name="contribution",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="session",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="events", to="board.session"
            ),
        ),
        migrations.AlterField(
            model_name="intervention",
            name="moderator",
            field=models.SlugField(db_index=False, max_length=20),
        ),
        migrations.AlterField(
            model_name="intervention",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="memo",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="recommendation",
            name="persona",
            field=models.SlugField(db_index=False, max_length=60),
        ),
        migrations.AlterField(
            model_name="recommendation",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="session",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="runs", to="board.session"
            ),
        ),
        migrations.AlterField(
            model_name="seat",
            name="persona",
            field=models.SlugField(db_index=False, max_length=60),
        ),
        migrations.AlterField(
            model_name="seat",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AlterField(
            model_name="subproblem",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="%(class)ss",
                to="board.session",
            ),
        ),
        migrations.AddIndex(
            model_name="checkpoint",
            index=models.Index(
                condition=models.Q(("run_id", ""), _negated=True), fields=["run_id"], name="checkpoint_run"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["created_at"], name="event_time"),
        ),
    ]
