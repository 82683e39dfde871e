"""One run of ``memeguard train``, from its config to its folder and its bundle.

Read ``config`` (with ``config_file`` and ``config_checks``), ``train`` (the run), ``load_data``, ``backbone`` with
``pretrained``, ``build`` (what the trainer is given), then ``folder``, ``dev_metrics``, ``provenance``; ``restore`` and
``export`` make the bundle of a finished run, ``model_card`` its card, ``single_modality`` its twins.
"""
