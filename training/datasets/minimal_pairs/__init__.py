"""Minimal pairs: templates of our own, hateful and harmless ones that differ in little, and the words that fill them.

The data are the YAML files beside this one: ``train``, ``dev`` and ``test`` (sets of templates), ``functions`` (what a
template does, and its label) and ``words`` (groups of people, with the characteristic for which they are attacked).
Read ``templates``, then ``fill``; ``training.datasets.readers.minimal_pairs`` makes samples of them.
"""

from pathlib import Path

#: The folder of the files that ship with the code.
SHIPPED = Path(__file__).parent
