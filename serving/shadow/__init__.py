"""Shadows: a policy and a bundle that are judged beside those in force on live traffic, and decide nothing.

A decision goes through these files, in this order: ``shadows.py`` (who is told of it, and which are chosen),
``lane.py`` (the bounded queue and its thread), ``policy_shadow.py`` or ``bundle_shadow.py`` (what it would be),
``recorder.py`` (kept in the ledger). A bundle's network runs in ``bundle_process.py``, a process of the lowest
priority, which ``process_handle.py`` starts and asks by ``messages.py``. ``subject.py`` says what a shadow is called,
``banks.py`` asks banks for it. What came of it is told by ``serving/review/figures/shadow/``.
"""
