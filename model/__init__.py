"""What a meme is, and what the network makes of it.

Three lines score a file::

    from model import load
    scorer = load()
    verdict = scorer.score_file("meme.jpg")

One meme goes through these files, in this order: ``meme.py`` (bytes to picture), ``ocr/`` (picture to text),
``preprocess.py`` (arrays), ``runtime.py`` (logits), ``decision.py`` (verdict); ``scorer.py`` calls them.
Nothing here but ``model/network`` and ``model/export.py`` imports torch.
"""
