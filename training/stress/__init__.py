"""A stress test for moderators: seeds changed in form but not in meaning, and what gets through.

Read ``relations/base`` (what a relation is), a file of relations beside it, ``seeds`` and ``scenes``; then ``run``
(what is asked), ``targets/`` (who is asked), ``journal`` and ``found`` (what is kept), ``rates`` and ``report/``.
``remembered_reader`` spares a second reading of a picture.
"""
