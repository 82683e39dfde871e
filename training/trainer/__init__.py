"""Training of one phase; it knows neither configs of runs nor files of data.

Read ``phase`` (settings), ``trainer`` (the loop), ``step``, ``learner`` (the network with its losses), ``loader``,
``optimizer``, ``predict``; then ``checkpoint``, ``context``, ``trackers``, ``progress``, ``precision`` and ``launch``.
"""
