"""Shadows: a policy and a bundle that are judged beside those in force on live traffic, and decide nothing.

A decision goes through these files, in this order: ``shadows.py`` (who is told of it, and which are chosen),
``lane.py`` (the bounded queue and its thread), ``policy_shadow.py`` or ``bundle_shadow.py`` (what it would be),
``recorder.py`` (kept in the ledger). ``ruling.py`` holds a judgement against a policy, for which ``banks.py`` asks
banks; ``subject.py`` says what a shadow is called. A bundle's network runs in ``bundle_process.py``, a process of the
lowest priority, which ``process_handle.py`` starts and asks by ``messages.py``. What came of it is told by
``serving/review/figures/shadow/``.
"""
