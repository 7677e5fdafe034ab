"""What staff see of plans. Rows are read; what changes anything goes through the services."""

from replanning.admin import action, project, replan

__all__ = ["action", "project", "replan"]
