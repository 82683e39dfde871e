"""Metrics: read ``measures`` (each as a formula over resamples), ``bootstrap`` (intervals around them), then
``point_values`` and ``hf_metrics`` (the values of a report, by Hugging Face ``evaluate``); ``intervals`` is for seeds.
``reading`` says how much of a known text OCR read.
"""
