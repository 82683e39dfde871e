"""Image repurposing: pictures that do not belong to their words, made from memes whose pictures do.

Read ``confound`` (a set on disk to its mismatched twin), then ``pool`` (which memes can be used), ``partners`` and
``names`` (who gets whose picture or name), ``twins`` (the labelled pairs) and ``guards`` (what must hold of them).
``data_cards/mismatched_twins.md`` says what such a set is worth.
"""
