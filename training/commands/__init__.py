"""Commands of ``memeguard`` that train and measure: read ``options`` first; ``evaluate_run`` and ``promote_run`` do the
work of the two commands with many options.
"""
