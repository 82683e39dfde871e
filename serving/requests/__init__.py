"""What a caller sent.

Read ``context`` (who asks, and by when), ``body``, ``classify_body`` (the memes of a classify request) and
``classify_parser``, which chooses ``classify_form`` or ``classify_json``; then what they parse with: ``multipart``,
``json_body``, ``charsets``, ``base64_image``.
"""
