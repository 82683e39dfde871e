"""Datasets: files as users have them on disk to samples with this project's task and class names.

Read ``base`` (what a sample is), ``registry`` (the one door) and ``layouts``, ``readers/``, then what readers share:
``tables``, ``columns``, ``pictures``, ``split_files``, ``text_key`` and ``label_map``.
"""

from training.datasets.base import DatasetError, Labels, Loaded, Sample, Skipped, label_of
from training.datasets.pictures import readable, unreadable_pictures
from training.datasets.readers.fine_grained import read_hateful_memes_fine_grained
from training.datasets.readers.generic import read_generic
from training.datasets.readers.group_mentions import read_madlibs, read_redditbias, read_toxigen
from training.datasets.readers.hateful_memes import read_hateful_memes
from training.datasets.readers.imgflip import ImgflipCaption, read_captions, read_imgflip
from training.datasets.readers.memotion import read_memotion7k
from training.datasets.readers.minimal_pairs import group_classes, read_minimal_pairs
from training.datasets.readers.multioff import read_multioff
from training.datasets.readers.posts import read_edos, read_implicit_hate
from training.datasets.readers.text_hate import read_hatecheck, read_hatemoji, read_stormfront
from training.datasets.registry import LAYOUTS, Layout, Source, detect_layout, load_source, parse_source

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
    "group_classes",
    "label_of",
    "load_source",
    "parse_source",
    "read_captions",
    "read_edos",
    "read_generic",
    "read_hatecheck",
    "read_hateful_memes",
    "read_hateful_memes_fine_grained",
    "read_hatemoji",
    "read_imgflip",
    "read_implicit_hate",
    "read_madlibs",
    "read_memotion7k",
    "read_minimal_pairs",
    "read_multioff",
    "read_redditbias",
    "read_stormfront",
    "read_toxigen",
    "readable",
    "unreadable_pictures",
]
