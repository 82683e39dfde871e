"""A stress test for moderators: seeds changed in form but not in meaning, and what gets through.

Read ``relations/base`` (what a relation is), a file of relations beside it, and ``seeds``.
"""
