"""RapidOCR, the default engine: PP-OCR text detection and recognition on onnxruntime, in pieces of a second or less.

Read ``engine.py`` first, then ``sheet.py``, ``detection.py`` and ``detail.py`` (where the detector looks),
``recognition.py`` (how lines are read), ``models.py`` and ``inputs.py`` (what RapidOCR does), ``turns.py`` (text that
does not stand upright) and ``doubt.py`` (text that was found and not read).
"""

from model.ocr.rapid.engine import RapidOcrEngine

__all__ = ["RapidOcrEngine"]
