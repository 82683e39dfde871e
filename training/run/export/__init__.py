"""A finished run to its bundle: ``restore`` (the run anew), ``choose`` (what ships), ``export_run``, ``model_card``."""

from training.run.export.export_run import CARD_FILE, ExportOptions, export_run, wishes_of

__all__ = ["CARD_FILE", "ExportOptions", "export_run", "wishes_of"]
