"""The words of ``sessions.admin.wording`` for the templates of the admin."""

from django import template

from sessions.admin import wording

register = template.Library()
register.filter("ago", wording.ago)
register.filter("money", wording.money)
register.filter("badge", wording.badge)
register.filter("cap", wording.cap)
register.filter("lease", wording.lease)
register.filter("failure", wording.failure)
