"""What the board announces to the apps above it."""

from django.dispatch import Signal

#: A session has completed, failed or was killed. Arguments: ``session_id``, ``status``. Sent inside the transaction
#: that ends it (robustly: an error of a receiver never undoes the end). A receiver may enqueue there, in a savepoint.
session_ended = Signal()
