"""Forms of a stress test's report: read ``document`` (what is reported), ``markdown``, then ``html`` with its
``templates/``.
"""
