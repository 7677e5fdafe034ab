"""One module a step. A node reads texts through the reader, asks a model and returns state and drafts; it never writes.

Every node is told its place by its input, and announces the phase that follows it, so that the page shows what is
being worked on while a model thinks.
"""
