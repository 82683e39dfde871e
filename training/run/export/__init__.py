"""A finished run to its bundle.

Read ``restore`` (the run anew), ``choose`` (what ships), ``fit`` (its calibration and thresholds), ``export_run``,
``model_card``.
"""

from training.run.export.export_run import CARD_FILE, ExportOptions, export_run, wishes_of

__all__ = ["CARD_FILE", "ExportOptions", "export_run", "wishes_of"]
