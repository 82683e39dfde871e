"""Forms of the report of an evaluation: read ``wording`` (results in words), ``markdown``, ``terminal``, ``html`` and
its ``templates/``, then ``figures`` (plots as SVG).
"""
