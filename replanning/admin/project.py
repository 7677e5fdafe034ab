from django.contrib import admin
from django.utils.safestring import SafeString

from replanning.models import ActionDependency, Project, ProjectSession
from sessions.admin.base import ReadOnlyAdmin, link


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("title", "status", "owner", "created_at", "actions_")
    list_filter = ("status",)
    list_select_related = ("owner",)
    ordering = ("-id",)
    session_column = "id"
    text_columns = ("title", "owner__username")
    search_help_text = "Id in full, or words of the title or the owner's name"

    @admin.display(description="actions")
    def actions_(self, project: Project) -> SafeString:
        return link("replanning_action_changelist", "show", query=f"project__id__exact={project.pk}")


@admin.register(ProjectSession)
class ProjectSessionAdmin(ReadOnlyAdmin):
    list_display = ("id", "project", "kind", "session", "action", "created_at")
    list_filter = ("kind",)
    list_select_related = ("project", "session", "action")
    ordering = ("-id",)
    search_help_text = "Session id, in full"


@admin.register(ActionDependency)
class ActionDependencyAdmin(ReadOnlyAdmin):
    list_display = ("id", "action", "kind", "predecessor", "lag")
    list_filter = ("kind",)
    list_select_related = ("action", "predecessor")
    ordering = ("-id",)
    session_column = "action_id"
    search_help_text = "Action id, in full"
