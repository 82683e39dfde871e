"""An animation that is judged by one of its frames, for what shows which."""

from PIL import Image

from model import Meme, Scorer
from support.judgements import hateful
from support.picture_files import encoded
from support.preparation import picture


def second_decides(scorer: Scorer, text: str, size: tuple[int, int] = (80, 60)) -> tuple[bytes, Image.Image]:
    """A GIF of two frames of which, with these words, the second has the higher score; and that frame."""
    frames = [picture(seed, *size).quantize(64).convert("RGB") for seed in (1, 2)]
    scored = {hateful(scorer.score_meme(Meme.from_bytes(encoded(one), text=text))): one for one in frames}
    milder, decides = (scored[score] for score in sorted(scored))
    return encoded(milder, "GIF", save_all=True, append_images=[decides], duration=200), decides
