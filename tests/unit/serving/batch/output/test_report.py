import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from model.bundle import Thresholds, ThresholdsByModality
from model.policy.policy import Policy
from serving.batch.output.manifest import Totals
from serving.batch.output.report import write_report

POLICY = Policy("<strict>", "3", {"hateful": ThresholdsByModality.alike(Thresholds(review=0.42, block=0.9))})
MANIFEST = {
    "input": {"address": "s3://queue/<flagged>/*.parquet"},
    "finished_at": "2026-11-21T09:12:29+00:00",
    "timings": {"seconds": 4211.2, "sessions": [{}, {}]},
    "judges": {
        **{"model_name": "compact", "model_version": "0.2.1", "model_digest": "3b49bdd7f46944f4"},
        **{"policy_name": "<strict>", "policy_version": "3", "policy_digest": "9e9a87ae3b577c5", "ocr": "rapidocr 3"},
    },
}


class _Page(HTMLParser):
    """The words of a page, and what its tags ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.asked += [(tag, None), *attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _totals(**changed: Any) -> Totals:
    bins = np.zeros(20, dtype=np.int64)
    bins[[0, 9, 19]] = 700, 200, 90
    given = {"decisions": Counter(allow=700, review=200, block=90), "errors": Counter(corrupt=6, unreadable_file=4)}
    return Totals(n_rows=1000, histograms={"hateful": bins, "offensive": bins}, **(given | changed))


def _page(folder: Path, **changed: Any) -> tuple[str, _Page]:
    text = write_report(folder, MANIFEST, _totals(**changed), POLICY).read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.open == []
    return text, page


def test_the_summary_says_what_was_decided_and_what_went_wrong(tmp_path: Path) -> None:
    words = _page(tmp_path)[1].words
    for name, count, share in (("allow", "700", "70.0%"), ("review", "200", "20.0%"), ("corrupt", "6", "0.6%")):
        at = words.index(name)
        assert words[at : at + 3] == [name, count, share]
    assert "s3://queue/<flagged>/*.parquet" in words
    assert "<strict>" in words


def test_a_histogram_marks_the_thresholds_and_colours_columns_by_them(tmp_path: Path) -> None:
    text, page = _page(tmp_path)
    hateful, offensive = text.split("<figure>")[1:]
    assert re.findall(r'class="mark (.*?)" style="left:(.*?)%"', hateful) == [
        ("review", "42.0"),
        ("block left", "90.0"),
    ]
    columns = re.findall(r'<i class="(\w+)" style="height:(.*?)%"', hateful)
    assert [zone for zone, _ in columns] == ["allow"] * 8 + ["review"] * 10 + ["block"] * 2
    assert columns[0] == ("allow", "100.0")
    assert set(re.findall(r'<i class="(\w+)"', offensive)) == {"none"}
    assert "no threshold in this policy" in page.words


def test_the_summary_is_one_file_that_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text, page = _page(tmp_path)
    assert not {name for name, _ in page.asked} & {"src", "href", "script", "img", "link", "iframe", "onload"}
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_words_that_could_not_be_read_are_told(tmp_path: Path) -> None:
    told = "In 12 items (1.2%) the words could not be read: they are never allowed."
    assert told in _page(tmp_path, text=Counter(ok=978, failed=2, unavailable=10))[1].words
    assert "could not be read" not in _page(tmp_path, text=Counter(ok=990))[0]


def test_a_run_without_errors_says_so(tmp_path: Path) -> None:
    assert "None: every item has a verdict." in _page(tmp_path, errors=Counter())[1].words


def test_where_thresholds_differ_by_what_was_judged_each_has_a_histogram_of_its_own(tmp_path: Path) -> None:
    bins = np.zeros(20, dtype=np.int64)
    bins[[0, 19]] = 7, 3
    own = ThresholdsByModality(
        both=Thresholds(review=0.42, block=0.9),
        text=Thresholds(review=0.6, block=None),
        image=Thresholds(review=0.1, block=None),
    )
    totals = _totals(by_modality={"hateful": {"both": bins, "text": 2 * bins}, "offensive": {"both": bins}})
    page = write_report(tmp_path, MANIFEST, totals, Policy("own", "1", {"hateful": own})).read_text(encoding="utf-8")
    both, text, offensive = page.split("<figure>")[1:]
    told = [re.search(r"<b>(.*?)</b>(.*?) scores", one) for one in (both, text, offensive)]
    assert [found.groups() for found in told if found] == [
        ("hateful", " of pictures with words: 10"),
        ("hateful", " of words alone: 20"),
        ("offensive", " 990"),
    ]
    marks = [re.findall(r'class="mark (.*?)" style="left:(.*?)%"', one) for one in (both, text)]
    assert marks == [[("review", "42.0"), ("block left", "90.0")], [("review left", "60.0")]]
