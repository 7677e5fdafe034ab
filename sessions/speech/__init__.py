"""What a persona is writing right now, on its way from a worker to the people who watch.

Passing words, not events: they have no id, are stored nowhere, and are the first thing to be left out under load. Only
what a session's events and rows say has been said. ``half_json`` reads an answer that is not finished, ``speaker``
sends from the runner what is read, ``wire`` is the form it travels in; ``sessions.stream.voices`` hands it on.
"""
