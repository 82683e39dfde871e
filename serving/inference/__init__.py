"""From a submission to a judgement: decoding, OCR and the network, each on threads of its own."""

from serving.inference.pipeline import Pipeline

__all__ = ["Pipeline"]
