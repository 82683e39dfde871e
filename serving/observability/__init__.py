"""What an operator sees: ``metrics``, ``logs``, ``tracing``, and the ``route_template`` that all three are told by."""
