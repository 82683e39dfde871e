"""Kernel machines beside the network: ``config``, ``ridge`` (regression), ``soft_labels`` (the teacher), ``memory``."""
