"""Does the board help? Suites of decisions and questions, answered in several modes at equal tokens.

``suite`` says what a case is, ``loader`` and ``formats`` read one, ``board`` and ``sampling`` answer it, ``budget``
counts, ``scoring`` and ``judge`` mark, ``statistics`` and ``figures`` add up, ``report`` and ``plots`` tell. ``run``
carries an evaluation to its end, however often it is interrupted. docs/evaluation.md explains all of it.
"""
