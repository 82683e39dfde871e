"""Projections from features of words into the space of pictures, a file for a pair of towers; see ``description``."""
