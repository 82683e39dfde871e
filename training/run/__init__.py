"""One run of ``memeguard train``, from its config to its folder and its bundle.

Read ``config/``, ``train`` (the run), ``load_data`` with ``picture_notes``, ``backbone`` with ``pretrained``, ``build``
(what the trainer is given) with ``loss_checks``, then ``trained``, ``folder``, ``modality_rows``, ``dev_metrics``,
``provenance``; ``export/`` makes the bundle of a finished run, and its card.
"""
