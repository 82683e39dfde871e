"""Readers: a dataset's files as users have them on disk to samples with this project's task and class names."""

from training.datasets.base import DatasetError, Sample, label_of
from training.datasets.hateful_memes import read_hateful_memes
from training.datasets.imgflip import ImgflipCaption, read_imgflip
from training.datasets.multioff import read_multioff
from training.datasets.text_hate import read_hatecheck, read_hatemoji, read_stormfront

__all__ = [
    "DatasetError",
    "ImgflipCaption",
    "Sample",
    "label_of",
    "read_hatecheck",
    "read_hateful_memes",
    "read_hatemoji",
    "read_imgflip",
    "read_multioff",
    "read_stormfront",
]
