"""Readers: a dataset's files as users have them on disk to samples with this project's task and class names."""

from training.datasets.base import DatasetError, Labels, Loaded, Sample, Skipped, label_of
from training.datasets.fine_grained import read_hateful_memes_fine_grained
from training.datasets.generic import read_generic
from training.datasets.hateful_memes import read_hateful_memes
from training.datasets.imgflip import ImgflipCaption, read_imgflip
from training.datasets.memotion import read_memotion7k
from training.datasets.multioff import read_multioff
from training.datasets.pictures import readable, unreadable_pictures
from training.datasets.registry import LAYOUTS, Layout, Source, detect_layout, load_source, parse_source
from training.datasets.text_hate import read_hatecheck, read_hatemoji, read_stormfront

__all__ = [
    "LAYOUTS",
    "DatasetError",
    "ImgflipCaption",
    "Labels",
    "Layout",
    "Loaded",
    "Sample",
    "Skipped",
    "Source",
    "detect_layout",
    "label_of",
    "load_source",
    "parse_source",
    "read_generic",
    "read_hatecheck",
    "read_hateful_memes",
    "read_hateful_memes_fine_grained",
    "read_hatemoji",
    "read_imgflip",
    "read_memotion7k",
    "read_multioff",
    "read_stormfront",
    "readable",
    "unreadable_pictures",
]
