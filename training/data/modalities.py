"""Which modalities a network is shown."""

from dataclasses import dataclass

from model.meme import has_words
from model.modality import Modality, modality_of
from training.datasets import Sample


@dataclass(frozen=True)
class Modalities:
    """Which modalities a network is shown; a twin is shown one alone."""

    image: bool = True
    text: bool = True

    def __and__(self, other: "Modalities") -> "Modalities":
        """What both show."""
        return Modalities(image=self.image and other.image, text=self.text and other.text)

    def of(self, sample: Sample) -> Modality:
        """What the network is shown of ``sample``, as the service tells it."""
        return modality_of(
            pictured=self.image and sample.image is not None, worded=self.text and has_words(sample.text)
        )


BOTH, TEXT_ONLY, IMAGE_ONLY = Modalities(), Modalities(image=False), Modalities(text=False)
#: By what configs and folders of runs call them.
BY_NAME: dict[Modality, Modalities] = {"both": BOTH, "text": TEXT_ONLY, "image": IMAGE_ONLY}
#: What tables of metrics call a network that is shown them.
TITLES = {BOTH: "fused", TEXT_ONLY: "text_only", IMAGE_ONLY: "image_only"}
