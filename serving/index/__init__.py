"""Index of memes on disk: made once, then searched by picture, words or description.

In the order of a run: ``shard_rows.py`` (what a worker keeps of a meme), ``build.py`` (a run of ``serving/batch`` whose
shards are taken into the index), ``arrays.py`` and ``database.py`` (where they go), ``manifest.py`` (what it was made
with). ``reader.py`` opens a finished one; ``queries.py`` and ``search.py`` ask it, ``result_page.py`` shows what was
found. ``clusters/`` draws a map of it. Only the ledger's search knows the ledger.
"""
