"""The ASGI application, from the outside in.

Read ``app`` (the order of what follows), ``cors_middleware``, ``methods`` (HEAD as GET), ``request_middleware`` (id,
deadline, errors, log), ``auth_middleware`` (keys and rates; where a
key stands, in ``credentials``), ``admission_middleware`` (room), ``body_limits``; then
``openapi`` and ``graceful_shutdown``.
"""
