"""A project: the actions that follow from one or more decisions, and the sessions it has to do with."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from sessions.models.session import new_id


class ProjectStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    ARCHIVED = "archived", "Archived"


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: object) -> "ProjectQuerySet":
        """Projects that ``user`` may read: their own, or all for staff with the view permission."""
        if getattr(user, "is_staff", False) and user.has_perm("replanning.view_project"):  # type: ignore[attr-defined]
            return self
        return self.filter(owner_id=getattr(user, "pk", None))


class Project(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="projects")
    title = models.CharField(max_length=160)
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=10, choices=ProjectStatus.choices, default=ProjectStatus.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "-id"], name="project_owner")]
        permissions = [
            ("control_project", "Can change the plan of any project and replan its actions"),
            ("repair_project", "Can repair damaged replans"),
        ]

    def __str__(self) -> str:
        return self.title


class LinkKind(models.TextChoices):
    DISCUSSES = "discusses", "Discusses this project"
    CREATED_FROM = "created_from", "This project was created from it"
    REPLANNING = "replanning", "Replans an action"


class ProjectSession(models.Model):
    """What a session has to do with a project. ``action`` is the one that a replanning session is about."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="links")
    session = models.ForeignKey("board.Session", on_delete=models.CASCADE, related_name="project_links")
    kind = models.CharField(max_length=12, choices=LinkKind.choices)
    action = models.ForeignKey(
        "replanning.Action", on_delete=models.CASCADE, null=True, blank=True, related_name="session_links"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        ordering = ["id"]
        verbose_name = "session link"
        constraints = [models.UniqueConstraint(fields=["project", "session"], name="link_unique")]

    def __str__(self) -> str:
        return self.get_kind_display()
