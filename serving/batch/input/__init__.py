"""The input of a run as items.

``batch_input.py`` is the whole; read it first. Then ``items.py`` (one row), ``files.py`` and ``walk.py`` (where the
input lies), ``readers.py`` and ``json_rows.py`` (tables as rows), ``id_hashes.py`` (ids that are there twice),
``picture_paths.py`` (the file that a row means) and ``image_loader.py`` (the picture that an item names).
"""
