"""Readers, one a layout: read ``hateful_memes`` and ``generic`` (a table of one's own, with ``generic_files`` and
``generic_labels``) first.
"""
