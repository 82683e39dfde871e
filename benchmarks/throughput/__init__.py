"""Parts of ``benchmarks.speed`` and of what is reckoned from its numbers.

Read ``document`` (what a run writes down), ``usual_server`` (what a user would build instead), ``sides`` (the servers
that take turns), ``rounds`` (the turns) and ``report`` (table, drawing and targets).
"""
