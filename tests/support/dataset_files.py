"""Small datasets written to disk in exactly the layouts that users have, with real pictures and neutral words.

Every function writes below ``root``, which it makes, and gives ``root`` back. Pictures differ from row to row. The
first word of a text follows the label ("sun" 0, "rain" 1), so that a network can learn it.
"""

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from support.preparation import picture

HATEFUL_MEMES = {"train": 8, "dev_seen": 4, "dev_unseen": 4, "test_seen": 4, "test_unseen": 4}
_WORDS = ("sun over the hill", "rain on the roof")
_SEED_STEP = 1000


def sentence(number: int, label: int) -> str:
    """Neutral words whose first tells the label; no two numbers give the same."""
    return f"{_WORDS[label]} number {number}"


def short_sentence(number: int, label: int) -> str:
    """As ``sentence``, in one window of the tiny towers, which read a letter a token."""
    return f"{('sun out', 'rain on')[label]} {number}"


def write_picture(path: Path, seed: int, file_format: str | None = None) -> Path:
    """A real picture of 40 x 24 pixels in the format of its name, or in ``file_format`` whatever its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path, file_format)
    return path


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    """A row a line; a string is written as it is, to be a broken line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_csv(path: Path, rows: Sequence[Sequence[object]], **options: Any) -> Path:
    """The rows, the first being the header; ``options`` are those of ``csv.writer``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def write_hateful_memes(
    root: Path,
    splits: Mapping[str, int] | None = None,
    *,
    unlabelled: Sequence[str] = (),
    first_seed: int = 0,
    text: Callable[[int, int], str] = sentence,
) -> Path:
    """``<split>.jsonl`` and ``img/``, ids with leading zeros; the first two ids of dev_unseen are those of dev_seen."""
    for index, (split, n_rows) in enumerate((HATEFUL_MEMES if splits is None else splits).items()):
        rows = []
        for number in range(n_rows):
            shared = split == "dev_unseen" and number < 2 and "dev_seen" in (splits or HATEFUL_MEMES)
            seed = first_seed + (index - shared) * _SEED_STEP + number
            name = f"{seed + 1:05d}"
            write_picture(root / "img" / f"{name}.png", seed)
            row = {"id": name, "img": f"img/{name}.png", "label": number % 2, "text": text(seed, number % 2)}
            rows.append({key: value for key, value in row.items() if key != "label" or split not in unlabelled})
        write_json_lines(root / f"{split}.jsonl", rows)
    return root


def write_fine_grained(root: Path) -> Path:
    """train.json, dev_unseen.json (JSON Lines both) and test.jsonl without labels, beside ``img/``."""
    harmless = {"gold_hate": ["not_hateful"], "gold_pc": ["pc_empty"], "gold_attack": ["attack_empty"]}
    attack = {"gold_hate": ["hateful"], "gold_pc": ["religion", "sex"], "gold_attack": ["mocking", "contempt"]}
    votes = {"pc": [["religion"], ["sex", "religion"]], "attack": [["mocking"], []]}
    golds = (attack | votes, harmless | {"pc": "None", "attack": "None"})
    for index, (file, n_rows) in enumerate((("train.json", 4), ("dev_unseen.json", 2), ("test.jsonl", 2))):
        rows: list[dict[str, Any]] = []
        for number in range(n_rows):
            id_ = 1 + index * _SEED_STEP + number
            write_picture(root / "img" / f"{id_:05d}.png", id_)
            row = {"id": id_, "set_name": file.partition(".")[0], "img": f"img/{id_:05d}.png"}
            row["text"] = sentence(id_, 1 - number % 2)
            rows.append(row | (golds[number % 2] if file != "test.jsonl" else {}))
        write_json_lines(root / file, rows)
    return root


MEMOTION_HEADER = (
    "", "image_name", "text_ocr", "text_corrected", "humour", "sarcasm", "offensive", "motivational",
    "overall_sentiment",
)  # fmt: skip
MEMOTION_ROWS = (
    ("hilarious", "general", "not_offensive", "not_motivational", "very_positive"),
    ("not_funny", "not_sarcastic", "slight", "motivational", "very_negative"),
    ("funny", "twisted_meaning", "very_offensive", "not_motivational", "neutral"),
    ("very_funny", "very_twisted", "hateful_offensive", "motivational", "negative"),
)
MEMOTION_TRUTHS = ("1_1100_3100", "-1_0011_0011", "0_1110_1220", "-1_1111_2331")


def write_memotion(root: Path, n_rows: int = 4) -> Path:
    """labels.csv and ``images/``: an unnamed index, texts corrected, read by machine only, and none at all."""
    rows: list[Sequence[object]] = [MEMOTION_HEADER]
    for number in range(n_rows):
        name = f"image_{number + 1}.jpg"
        write_picture(root / "images" / name, number)
        label = int(MEMOTION_ROWS[number % 4][2] != "not_offensive")
        corrected = sentence(number, label) if number % 4 < 2 else ""
        read = f"{sentence(number, label)} misread" if number % 4 != 3 else ""
        rows.append((number, name, read, corrected, *MEMOTION_ROWS[number % 4]))
    write_csv(root / "labels.csv", rows)
    return root


def write_memotion_test(root: Path, n_rows: int = 4, *, truth_file: str = "Meme_groundTruth .csv") -> Path:
    """The released test files: the truth is in another order than the rows, and the last row has none."""
    names = [f"test_{number}.jpg" for number in range(n_rows)]
    texts = [sentence(_SEED_STEP + number, int(MEMOTION_TRUTHS[number % 4][-2] != "0")) for number in range(n_rows)]
    for number, name in enumerate(names):
        write_picture(root / "2000_data" / name, _SEED_STEP + number)
    header = ("Image_name", "Image_URL", "OCR_extracted_text", "corrected_text")
    rows = [(name, f"https://example.org/{name}", text.upper(), text) for name, text in zip(names, texts, strict=True)]
    write_csv(root / "2000_testdata.csv", [header, *rows])
    truths = [(name, MEMOTION_TRUTHS[number % 4]) for number, name in enumerate(names[:-1])]
    write_csv(root / truth_file, [("Image_name", "Labels"), *reversed(truths)])
    return root


def write_multioff(root: Path, sizes: Mapping[str, int] | None = None) -> Path:
    """The three files with the label's typo; the last validation picture is missing, .png names hold JPEG bytes."""
    sizes = sizes or {"Training": 6, "Validation": 3, "Testing": 4}
    for index, (name, n_rows) in enumerate(sizes.items()):
        rows: list[Sequence[object]] = [("image_name", "sentence", "label")]
        for number in range(n_rows):
            seed = index * _SEED_STEP + number
            file = f"m{seed}.png"
            if name != "Validation" or number < n_rows - 1:
                write_picture(root / "Labelled Images" / file, seed, "JPEG")
            rows.append((file, sentence(seed, number % 2), ("Non-offensiv", "offensive")[number % 2]))
        write_csv(root / "Split Dataset" / f"{name}_meme_dataset.csv", rows)
    return root


def write_text_hate(root: Path) -> Path:
    """hatemoji, stormfront and hatecheck in one folder, two rows a file."""
    hatemoji = ("entry_id", "text", "type", "target", "label_gold")
    for name in ("train", "validation", "test"):
        rows = [(n, sentence(n, n), "none", "none", n) for n in (0, 1)]
        write_csv(root / f"hatemoji_build_{name}.csv", [hatemoji, *rows])
    forum = [(f"1_{n}", sentence(n, n), ("noHate", "hate")[n]) for n in (0, 1)]
    write_csv(root / "stormfront.csv", [("id", "text", "label"), *forum])
    header = ("", "functionality", "case_id", "test_case", "label_gold", "target_ident")
    checks = [
        (n, ("neg", "pos")[n], n + 7, sentence(n, n), ("non-hateful", "hateful")[n], ("", "women")[n]) for n in (0, 1)
    ]
    write_csv(root / "hatecheck.csv", [header, *checks])
    return root


def write_hatecheck(root: Path, n_rows: int = 48) -> Path:
    """hatecheck.csv alone: two functions, two groups that are named as often, and harmless rows that name nobody."""
    header = ("", "functionality", "case_id", "test_case", "label_gold", "target_ident")
    kinds = (("mention_nh", "women"), ("attack_h", "women"), ("mention_nh", "sailors"), ("object_nh", ""))
    rows = [
        (n, function, n + 7, sentence(n, int(function == "attack_h")), _HATECHECK[function[-2:] == "nh"], group)
        for n in range(n_rows)
        for function, group in (kinds[n % len(kinds)],)
    ]
    write_csv(root / "hatecheck.csv", [header, *rows])
    return root


_HATECHECK = ("hateful", "non-hateful")


def write_captions(root: Path, n_rows: int = 60) -> Path:
    """captions.jsonl.gz of one template, without its picture."""
    root.mkdir(parents=True, exist_ok=True)
    with gzip.open(root / "captions.jsonl.gz", "wt", encoding="utf-8") as lines:
        for number in range(n_rows):
            boxes = [sentence(number, number % 2), "a day in the park"]
            lines.write(json.dumps({"template": "Made-Up", "boxes": boxes}) + "\n")
    return root


def write_posts(root: Path, n_rows: int = 60) -> Path:
    """implicit_hate.csv, with what scraping leaves of quotes, and edos.csv, with its marks and its own splits."""
    labels = ("not_hate", "implicit_hate", "not_hate", "explicit_hate")
    posts = [(f"ih{n}", f' rt "" : {sentence(n, n % 2)} , so "" ""', labels[n % 4]) for n in range(n_rows)]
    write_csv(root / "implicit_hate.csv", [("id", "text", "label"), *posts])
    kinds = (("not sexist", "none"), ("sexist", "2. derogation"))
    splits = ("train", "train", "train", "train", "dev", "test")
    rows = [(f"s-{n}", f"[USER] {sentence(n, n % 2)} [URL]", *kinds[n % 2], splits[n // 2 % 6]) for n in range(n_rows)]
    write_csv(root / "edos.csv", [("id", "text", "label", "category", "split"), *rows])
    return root


def write_group_mentions(root: Path, n_rows: int = 60) -> Path:
    """toxigen_human.csv, redditbias.csv and madlibs.csv, about groups whose names are harmless."""
    ratings = ("1.666666667", "4.333333333", "3.0")
    rated = [
        (f"tg{n}", f"{n} {sentence(n, n % 3 % 2)}", ("muslim", "women")[n % 2], ratings[n % 3], "1.0", "cbs")
        for n in range(n_rows)
    ]
    header = ("id", "text", "target_group", "toxicity_human", "toxicity_ai", "written_by")
    write_csv(root / "toxigen_human.csv", [header, *rated])
    bias = ("0", "1", "fact?")
    comments = [
        (f"rb-{n}", sentence(n, n % 3 % 2), "a phrase", ("jews", "female")[n % 2], bias[n % 3], "0")
        for n in range(n_rows)
    ]
    write_csv(root / "redditbias.csv", [("id", "text", "phrase", "group", "bias_sent", "bias_phrase"), *comments])
    words = (("cloudy", "toxic"), ("sunny", "nontoxic"))
    groups = ("middle aged", "deaf", "sikh", "old")
    phrases = [
        (f"ml{n}", f"Name{n // 8} is a {words[n % 2][0]} {groups[n // 2 % 4]}", "name_adj", words[n % 2][1])
        for n in range(n_rows)
    ]
    phrases += [
        (f"ml{n_rows + n}", f"You are a {words[n % 2][0]} gardener{n}", "you_occupation", words[n % 2][1])
        for n in range(n_rows)
    ]
    write_csv(root / "madlibs.csv", [("id", "text", "template", "label"), *phrases])
    return root


def write_generic(root: Path, sizes: Mapping[str, int] | None = None) -> Path:
    """One's own data: ``<split>.jsonl`` with id, image, text, tags, caption and the label ``hateful``; ``images/``."""
    for index, (split, n_rows) in enumerate((sizes or {"train": 6, "dev": 4, "test": 4}).items()):
        rows = []
        for number in range(n_rows):
            seed = index * _SEED_STEP + number
            write_picture(root / "images" / f"{split}{number}.png", seed)
            row = {"id": f"{split}-{number}", "image": f"{split}{number}.png", "text": sentence(seed, number % 2)}
            rows.append(row | {"tags": ["weather"], "caption": "a hill", "hateful": number % 2})
        write_json_lines(root / f"{split}.jsonl", rows)
    return root


def write_image_folder(root: Path, classes: Sequence[str] = ("not_hateful", "hateful"), n_each: int = 2) -> Path:
    """``class/n.png`` and no table."""
    for index, name in enumerate(classes):
        for number in range(n_each):
            write_picture(root / name / f"{number}.png", index * _SEED_STEP + number)
    return root
