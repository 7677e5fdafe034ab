"""Events to the browser: every event of a session exactly once, in order, from the event table.

``ring`` holds the rules as pure state machines, ``hub`` feeds them from PostgreSQL, ``view`` decides who may listen,
``eventstream`` fits all of it into django-eventstream. docs/streaming.md is the contract for clients.
"""
