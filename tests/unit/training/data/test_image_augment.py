import hashlib
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from support import ROOT

from model.ocr.rapid import RapidOcrEngine
from training.data.image_augment import AugmentConfig, Augmenter
from training.data.meme_renderer import STYLES, MemeStyle, render_meme, synthetic_background

CHANCES = ("geometry_p", "colour_p", "grey_p", "quality_p", "blur_p", "noise_p", "border_p")
OFF = AugmentConfig(**dict.fromkeys(CHANCES, 0.0))
ALWAYS = AugmentConfig(**dict.fromkeys(CHANCES, 1.0))
#: As hard as the config lets geometry and borders be; colours stay, so that marks are found again.
TWISTED = OFF.model_copy(
    update={"geometry_p": 1.0, "border_p": 0.5, "rotation_deg": 15.0, "perspective": 0.06, "shrink": 0.3}
)
MARKS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))  # top left, top right, bottom left, bottom right
MARK_PX = 16


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def meme(seed: int = 0, style: MemeStyle = "classic") -> tuple[Image.Image, list[str]]:
    words = ["coffee first then meetings", "my code works and nobody knows why"]
    drawn = render_meme(synthetic_background(rng(seed), (500, 400)), words, style=style, rng=rng(seed))
    return drawn.image, drawn.text.lower().split()


def marked(width_px: int, height_px: int) -> Image.Image:
    """Grey, with a mark of its own colour in each corner: what is cut, mirrored or covered shows."""
    pixels = np.full((height_px, width_px, 3), 128, dtype=np.uint8)
    for colour, (rows, columns) in zip(
        MARKS,
        [
            (up, side)
            for up in (slice(MARK_PX), slice(-MARK_PX, None))
            for side in (slice(MARK_PX), slice(-MARK_PX, None))
        ],
        strict=True,
    ):
        pixels[rows, columns] = colour
    return Image.fromarray(pixels)


def places(picture: Image.Image) -> list[np.ndarray]:
    """The middle (row, column) of each mark; NaN for one that is gone."""
    pixels = np.asarray(picture).astype(int)
    near = [np.abs(pixels - np.array(colour)).max(axis=2) < 100 for colour in MARKS]
    return [np.argwhere(found).mean(axis=0) if found.sum() > MARK_PX else np.full(2, np.nan) for found in near]


@pytest.mark.parametrize("size_px", [(300, 220), (90, 400), (640, 100)])
def test_nothing_is_mirrored_and_no_corner_leaves_the_frame(size_px: tuple[int, int]) -> None:
    augment, picture = Augmenter(TWISTED), marked(*size_px)
    for seed in range(60):
        top_left, top_right, bottom_left, bottom_right = places(augment(picture, rng(seed)))
        assert top_left[1] < top_right[1]
        assert bottom_left[1] < bottom_right[1]
        assert top_left[0] < bottom_left[0]
        assert top_right[0] < bottom_right[0]


@pytest.mark.parametrize("style", STYLES)
def test_words_can_be_read_as_well_as_before(style: MemeStyle) -> None:
    engine, augment = RapidOcrEngine(threads=1), Augmenter(AugmentConfig())
    n_read = {"plain": 0, "changed": 0}
    for seed in (1, 2, 3):
        picture, words = meme(seed, style)
        for name, shown in (("plain", picture), ("changed", augment(picture, rng(seed)))):
            read = Counter(engine.read(np.asarray(shown)).text.lower().split())
            n_read[name] += (read & Counter(words)).total()
    assert n_read["plain"] >= 24  # of 30: a reader that reads nothing would prove nothing
    assert n_read["changed"] >= n_read["plain"] - 2


def test_the_same_generator_gives_the_same_picture_whatever_came_before() -> None:
    picture, _ = meme()
    used = Augmenter(ALWAYS)
    used(picture, rng(9))
    assert used(picture, rng(4)).tobytes() == Augmenter(ALWAYS)(picture, rng(4)).tobytes()


def test_another_process_gives_the_same_picture_and_asks_the_net_for_nothing() -> None:
    code = (
        "import hashlib, socket, sys\n"
        f"sys.path[:0] = {[str(Path(__file__).parent), str(ROOT / 'tests'), str(ROOT)]!r}\n"
        "def refuse(*_): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = refuse\n"
        "import numpy as np\n"
        "from test_image_augment import ALWAYS, Augmenter, meme\n"
        "print(hashlib.sha256(Augmenter(ALWAYS)(meme()[0], np.random.default_rng(4)).tobytes()).hexdigest())\n"
        "import albumentations.check_version as check\n"
        "print(check.opener)\n"  # made by the first question for a newer version
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    here = hashlib.sha256(Augmenter(ALWAYS)(meme()[0], rng(4)).tobytes()).hexdigest()
    assert done.stdout.split() == [here, "None"]


def test_threads_do_not_disturb_each_other() -> None:
    augment, (picture, _) = Augmenter(ALWAYS), meme()
    alone = [augment(picture, rng(seed)).tobytes() for seed in range(24)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        together = list(pool.map(lambda seed: augment(picture, rng(seed)).tobytes(), range(24)))
    assert together == alone


def test_strengths_of_0_can_be_asked_for() -> None:
    still = dict.fromkeys(("rotation_deg", "perspective", "shrink", "brightness", "contrast", "saturation"), 0)
    picture, _ = meme()
    shown = Augmenter(ALWAYS.model_copy(update=still | {"noise_std": 0, "border": 0}))(picture, rng())
    assert shown.mode == "RGB"


def test_other_generators_give_other_pictures() -> None:
    augment, (picture, _) = Augmenter(AugmentConfig()), meme()
    assert len({augment(picture, rng(seed)).tobytes() for seed in range(20)}) >= 15


def test_changes_happen_independently_of_each_other() -> None:
    """A seed shared by the transforms would let all of them happen to a picture, or none."""
    half = OFF.model_copy(update={"grey_p": 0.5, "noise_p": 0.5, "noise_std": 0.1})
    augment = Augmenter(half)
    picture = Image.new("RGB", (40, 40), (200, 60, 60))
    seen = set()
    for seed in range(40):
        pixels = np.asarray(augment(picture, rng(seed))).astype(int)
        is_grey = abs(pixels[..., 0].mean() - pixels[..., 2].mean()) < 20
        seen.add((is_grey, pixels.std(axis=(0, 1)).max() > 1))
    assert seen == {(False, False), (False, True), (True, False), (True, True)}


def test_without_any_chance_the_picture_stays_as_it_is() -> None:
    picture, _ = meme()
    assert Augmenter(OFF)(picture, rng()).tobytes() == picture.tobytes()


def test_the_given_picture_is_never_changed() -> None:
    picture, _ = meme()
    before = picture.tobytes()
    Augmenter(ALWAYS)(picture, rng())
    assert picture.tobytes() == before


def test_a_large_picture_is_made_smaller_first() -> None:
    assert Augmenter(OFF)(Image.new("RGB", (3000, 1500)), rng()).size == (1024, 512)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 50), (3, 2), (2000, 3), (40, 5000)])
def test_pictures_of_any_shape_can_be_changed(size_px: tuple[int, int]) -> None:
    augment = Augmenter(ALWAYS)
    shown = [augment(Image.new("RGB", size_px, (9, 9, 9)), rng(seed)) for seed in range(5)]
    assert all(picture.mode == "RGB" and min(picture.size) >= 1 for picture in shown)


def test_the_digest_follows_the_settings() -> None:
    assert AugmentConfig().digest() == AugmentConfig().digest()
    assert AugmentConfig().digest() != AugmentConfig(rotation_deg=3).digest()


@pytest.mark.parametrize("settings", [{"flip_p": 0.5}, {"geometry_p": 1.5}, {"rotation_deg": 90}, {"border": -0.1}])
def test_a_setting_that_is_unknown_or_too_strong_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AugmentConfig(**settings)
