"""OpenAI's moderation endpoint.

Read ``route``, ``request`` (its body to posts), ``post`` (posts to judgements), ``response`` (judgements to a result);
``errors`` is what OpenAI's clients read of a problem.
"""
