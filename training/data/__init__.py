"""Samples to batches.

Read ``examples`` and ``batch`` first; then what they read from (``image_store``, ``ocr_cache``, ``feature_cache``),
what changes samples on the way (``image_augment``, ``text_augment``), and how data is parted and made
(``group_splits`` on ``near_duplicates``, ``image_hashes`` and ``text_key``; ``meme_renderer``).
"""
