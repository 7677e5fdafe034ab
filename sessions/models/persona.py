"""The catalogue of personas as staff keep it. Nothing is changed in place: an edit is a new version."""

from django.db import models


class PersonaVersion(models.Model):
    """One persona as it read from then on. The newest row of a slug is the persona; its id is the catalogue's revision.

    A session keeps the revision it was brought under, and so every text it was begun with. Ids grow in the order of
    commits (sessions/services/catalogue.py writes under one lock), so a revision never gains a row afterwards.
    """

    class Origin(models.TextChoices):
        RELEASE = "release", "Shipped with a release"
        STAFF = "staff", "Written by staff"

    slug = models.SlugField(max_length=60)
    version = models.PositiveIntegerField(help_text="1, 2, 3 … of this persona")
    name = models.CharField(max_length=80)
    method = models.CharField(max_length=80, help_text="How it reasons, in a few words; nobody else's")
    reasons = models.TextField(help_text="Its instructions, two to five sentences")
    domains = models.JSONField(default=list, help_text="Words that problems within its reach contain")
    temperament = models.CharField(max_length=20)
    blind_spot = models.TextField(help_text="What it tends to miss; it is told so")
    retired = models.BooleanField(default=False, help_text="No new board seats it")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.RELEASE)
    author = models.CharField(max_length=150, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Why this version was made")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["slug", "version"], name="persona_version")]
        permissions = [("edit_catalogue", "Can edit, retire and restore personas of the catalogue")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"
