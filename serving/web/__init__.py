"""Pages for people, made on the server: what surrounds them all, the home page, and one to try a meme on.

Read ``render`` (templates to answers, with their headers), ``sessions`` (who is signed in), ``forms`` (what a page
sends, and that it was ours), ``problems`` (errors as pages), ``static_files``; then ``home``, and ``try_it`` with
``evidence`` (marks of words and of the picture) and ``titles``, which the reviewer's pages in ``serving/review/pages/``
share. Every page works without scripts.
"""
