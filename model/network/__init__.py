"""The network in torch: training and export import it, serving never does.

Features go through these files in this order: ``backbone.py`` (which towers), ``image_tower.py`` and ``text_tower.py``
(features), ``fusion.py`` with ``encoder.py`` (two stages), ``heads.py`` (logits); ``memefier.py`` joins them, and
``caption.py`` supervises them in training.
"""
