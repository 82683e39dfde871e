"""Which modalities a network is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Modalities:
    """Which modalities a network is shown; a twin is shown one alone."""

    image: bool = True
    text: bool = True


BOTH, TEXT_ONLY, IMAGE_ONLY = Modalities(), Modalities(image=False), Modalities(text=False)
#: By what configs and folders of runs call them.
BY_NAME: dict[str, Modalities] = {"both": BOTH, "text": TEXT_ONLY, "image": IMAGE_ONLY}
#: What tables of metrics call a network that is shown them.
TITLES = {BOTH: "fused", TEXT_ONLY: "text_only", IMAGE_ONLY: "image_only"}
