import hashlib

from PIL import Image
from support.picture_files import encoded
from support.pictures import meme

from model.known.fingerprint import Fingerprint, fingerprint_of
from model.known.pdq import pdq_of
from model.known.words import words_key
from model.meme import Meme


def test_a_meme_is_known_by_its_file_its_picture_and_its_words() -> None:
    data = meme(1)
    opened = Meme.from_bytes(data)
    found = fingerprint_of(opened, "one does not simply")
    pdq = pdq_of(opened.picture)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert (found.pdq, found.pdq_quality, found.pdq_mirrored) == (pdq.hash, pdq.quality, pdq.mirrored)
    assert found.words_key == words_key("one does not simply")


def test_words_alone_have_no_picture_and_a_picture_may_have_no_words() -> None:
    words = Meme.from_text("good morning")
    assert fingerprint_of(words, words.text) == Fingerprint(words.digest, words_key=words_key("good morning"))
    assert fingerprint_of(Meme.from_bytes(meme()), "").words_key is None


def test_an_animation_is_known_by_its_first_frame() -> None:
    first, second = (Meme.from_bytes(meme(seed)).picture for seed in (0, 1))
    animation = encoded(first.convert("P"), "GIF", save_all=True, append_images=[second.convert("P")])
    still = Meme.from_bytes(encoded(first.convert("P"), "GIF"))
    assert fingerprint_of(Meme.from_bytes(animation), None).pdq == fingerprint_of(still, None).pdq


def test_a_transparent_picture_is_known_by_its_first_view() -> None:
    picture = Meme.from_bytes(meme(2)).picture.convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 200, 300))
    opened = Meme.from_bytes(encoded(picture))
    assert fingerprint_of(opened, None).pdq == pdq_of(opened.shown[0].image).hash


def test_the_mode_of_a_file_makes_no_other_picture() -> None:
    grey = Meme.from_bytes(meme()).picture.convert("L")
    as_grey, as_rgb = (Meme.from_bytes(encoded(image)) for image in (grey, grey.convert("RGB")))
    assert fingerprint_of(as_grey, None).pdq == fingerprint_of(as_rgb, None).pdq


def test_pictures_of_one_pixel_have_a_fingerprint() -> None:
    tiny = Meme.from_bytes(encoded(Image.new("RGB", (1, 1))))
    assert fingerprint_of(tiny, None).pdq_quality == 0
