"""Known memes: how to tell that one was seen before, or is like one that was.

Read ``fingerprint`` (by what a meme is known again), which is made of ``pdq`` (its picture), ``frames`` (what was put
around it) and ``words`` (its words), then ``matching`` (which of three ways two are the same), ``packed_hashes``
(many hashes at once), ``entry_index`` (many entries of banks at once) and ``near_pairs`` (near-duplicates among many).
``features`` are what towers see in a meme.
"""
