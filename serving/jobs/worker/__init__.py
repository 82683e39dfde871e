"""What the process of a job does; it alone needs the extra 'batch'.

Read ``__main__.py`` (how it starts) and ``process.py``; then ``unpack.py`` and ``picture_guard.py`` (what a stranger's
input may name), ``results.py``.
"""
