"""From an item to its verdict, for many requests at once.

Read ``classifier`` (item to verdict), ``pipeline`` (item to judgement: decoding, OCR and the network, each on threads
of its own) with its parts ``stage``, ``batcher`` and ``cache`` (over ``singleflight``); then ``policy_store``,
``admission`` (what a worker takes on) and ``image_fetcher`` (pictures by URL).
"""
