"""A functional test of memes: drawings and words made by code, in pairs that differ in one thing. It never trains.

The data are the YAML files beside this one: ``cases`` (functions and their pairs), ``words`` (groups, and what fills
slots) and ``drawings``. Read ``templates``, ``cases``, ``drawing``, then ``measure``, ``results`` and ``report``.
``data_cards/meme_functions.md`` is its card.
"""
