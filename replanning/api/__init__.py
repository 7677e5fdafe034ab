"""Plans over HTTP, with the same services as pages and admin, in the manner of ``sessions.api``."""

from replanning.api import catalogue

catalogue.register()  # before any view of plans says which codes it answers with
