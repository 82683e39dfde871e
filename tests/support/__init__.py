"""Pictures and servers that several tests need."""

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).parents[2]
