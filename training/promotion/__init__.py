"""Promotion: from a challenger to the bundle that is current.

Read ``compare`` (with ``groups``, ``false_alarms`` and ``speed``), ``shadow`` and ``results``, ``rules`` and
``decide``, ``report``, then ``store`` and ``succession``.
"""
