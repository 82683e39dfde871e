"""What an operator sees of a worker.

Read ``route_template`` (what a route is called), ``metrics``, ``logs``, ``tracing``.
"""
