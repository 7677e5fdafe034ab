"""What can be done to a plan, one verb a function: permission, change and audit entry in one transaction.

Lock order: project, then actions in ascending id, then the replan, then the session link, then the session. Whoever
holds a session's row takes none of ours: the end of a session only enqueues. Rows are locked with NO KEY UPDATE, which
does not hold up inserts that point to them.
"""
