"""What a caller sent.

Read ``context`` (who asks, and by when), ``classify_body`` (the memes of a classify request), and what that parses
with: ``json_body``, ``multipart``, ``base64_image``.
"""
