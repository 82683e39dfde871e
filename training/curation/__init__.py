"""Curation: what is wrong with labelled data before anything is trained on it, and splits of what has none.

Read ``check``, ``gather``, ``duplicates``, ``labels`` and ``warnings`` (what is looked for), ``report``, ``tables`` and
``render`` (what is said of it), then ``split`` and ``write_splits``.
"""
