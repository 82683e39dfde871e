"""Who may call, how often, and where the server itself may call.

Read ``keys`` (API keys and their scopes), ``key_file``, ``token_bucket``, ``rate_limit`` (the rates of one request's
key); then ``addresses`` and ``public_network`` (for pictures by URL). The middleware that asks for keys is
``serving/http/auth_middleware.py``.
"""
