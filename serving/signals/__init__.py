"""Signals: what other moderation tools ask for, in their own shapes.

Read ``pict_rs.py`` (a picture before it is published), ``coop.py`` (a signal of Coop's rules) with
``coop_content.py``, then, for python-threatexchange and so for Hasher-Matcher-Actioner, ``moderator.py`` (a bundle in
this process, or a server) and ``threatexchange.py`` (signal types and a classifier that ask it).
"""
