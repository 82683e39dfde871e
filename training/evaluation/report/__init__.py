"""Forms of the report of an evaluation: read ``wording`` (results in words), ``markdown``, ``html`` and its
``templates/``, then ``figures`` (plots as SVG).
"""
