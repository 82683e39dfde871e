"""Figures for leads: how far reviewers agree, with each other, with golden answers and with the model.

``figures.py`` puts them together from ``reviewed.py`` (what was labelled), ``agreement.py``, ``reviewers.py``,
``calibration.py``, ``false_alarms.py`` and ``workload.py``; ``shares.py`` has what they all count with.
"""
