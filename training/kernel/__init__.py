"""Kernel machines beside the network: ``config``, ``ridge`` (the regression), ``soft_labels`` (the teacher), ``memory``."""
