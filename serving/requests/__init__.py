"""What a caller sent.

Read ``context`` (the surroundings of a request), ``classify_body`` (the body of a judging route: ``json_body``,
``multipart``, ``base64_image``).
"""
