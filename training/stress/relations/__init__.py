"""Relations: changes of a meme's form that keep its meaning, a file for each family.

Read ``base`` first. Importing this package makes them all known by name (``base.RELATIONS``).
"""
