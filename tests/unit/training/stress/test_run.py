"""A stress test in this process: what is asked, what is kept, and how it goes on."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.moderators import LISTED, Reply, moderator, weak_moderator

from model import Meme
from model.errors import MemeguardError
from training.commands.stress_run import StressOptions, run
from training.data.meme_renderer import render_meme
from training.datasets import load_source, parse_source
from training.errors import RunError
from training.stress.found import FoundCases
from training.stress.journal import Record, opened_journal
from training.stress.relations.base import Relation, Seed, StressItem, encoded, relations_named
from training.stress.run import PLAIN_PICTURE, PLAIN_WORDS, Plan, StressRun
from training.stress.targets.base import Answer, NotJudgedError, Target, TargetStoppedError

SEEDS = [
    Seed("a", f"send all of those {LISTED} home today", hateful=True),
    Seed("b", "what a lovely day at the beach with friends", hateful=False),
    Seed("c", "hate without a listed word goes through", hateful=True),
]


class WordList(Target):
    """Flags the listed word in the words of a post; of pictures it flags all, or says that it sees none."""

    def __init__(self, max_calls: int = 10**6, *, sees_pictures: bool = True) -> None:
        self.asked: list[StressItem] = []
        self._max_calls, self._sees_pictures = max_calls, sees_pictures

    @property
    def name(self) -> str:
        return "a word list"

    @property
    def identity(self) -> dict[str, Any]:
        return {"kind": "word list"}

    def ask(self, item: StressItem) -> Answer:
        if self.n_calls >= self._max_calls:
            raise TargetStoppedError("the budget is spent")
        self.n_calls += 1
        self.asked.append(item)
        if item.picture is not None and not self._sees_pictures:
            raise NotJudgedError("it sees no pictures", is_final=True)
        return Answer(item.picture is not None or LISTED in (item.text or ""))


class Framed(Relation):
    """A frame around the words; the hateful become a picture, the harmless are left as they are."""

    name, family, strengths, source = "framed", "drawing", ("thin", "thick"), "this test"

    def apply(self, seed: Seed, scene: Image.Image, strength: str, rng: np.random.Generator) -> StressItem | None:
        if not seed.hateful:
            return None
        drawn = render_meme(scene, [seed.text], style="caption_bar", rng=rng).image
        return StressItem(encoded(drawn.resize((64, 64 if strength == "thin" else 96))), None)


def _scenes() -> Iterator[Image.Image]:
    while True:
        yield Image.new("RGB", (160, 120), "white")


def _run(folder: Path, target: Target, relations: list[Relation], seeds: list[Seed] = SEEDS) -> tuple[str | None, Any]:
    plan = Plan(seeds, relations, _scenes(), lambda *_: "rule: this test's", number=3)
    with opened_journal(folder, {"seeds": len(seeds)}) as journal, closing(FoundCases(folder / "found")) as found:
        done: list[int] = []
        stopped = StressRun(target, plan, journal, found).run(done.append)
        assert stopped is not None or sum(done) == plan.n_cases
        return stopped, dict(journal.records)


def test_a_seed_that_fails_in_plain_form_is_asked_no_further(tmp_path: Path) -> None:
    target = WordList()
    stopped, records = _run(tmp_path / "out", target, relations_named("leet"))
    assert stopped is None
    assert records["c", PLAIN_WORDS, "plain"].is_error
    assert {seed for seed, relation, _ in records if relation == "leet"} == {"a", "b"}
    assert all(records[key].is_error for key in records if key[:2] == ("a", "leet"))
    assert not any(records[key].is_error for key in records if key[0] == "b")


def test_what_was_found_is_a_set_that_training_reads(tmp_path: Path) -> None:
    flags_pictures = WordList()
    _run(tmp_path / "words", flags_pictures, relations_named("spacing"))
    loaded = load_source(parse_source(str(tmp_path / "words" / "found"), "train"))
    assert [(sample.labels["hateful"], LISTED in sample.text) for sample in loaded.samples] == [(1, False)] * 2
    assert not loaded.skipped


def test_pictures_that_were_found_are_kept_as_they_were_asked(tmp_path: Path) -> None:
    class Blind(WordList):
        def ask(self, item: StressItem) -> Answer:
            super().ask(item)
            return Answer(item.picture is None or Meme.from_bytes(item.picture).picture.width > 64)

    target = Blind()
    _run(tmp_path / "out", target, [Framed()], SEEDS[:1])
    loaded = load_source(parse_source(str(tmp_path / "out" / "found"), "train"))
    kept = [sample.image.read_bytes() for sample in loaded.samples if sample.image is not None]
    assert kept == [item.picture for item in target.asked if item.picture is not None][1:]
    assert [sample.text for sample in loaded.samples] == ["", ""]


def test_what_a_relation_does_not_apply_to_and_what_is_not_judged_have_records_of_their_own(tmp_path: Path) -> None:
    _, records = _run(tmp_path / "out", WordList(sees_pictures=False), [Framed()])
    assert records["a", PLAIN_PICTURE, "plain"].problem == "it sees no pictures"
    assert {relation for _, relation, _ in records} == {PLAIN_PICTURE}
    _, records = _run(tmp_path / "other", WordList(), [Framed()], SEEDS[:1])
    assert records["a", "framed", "thin"] == Record(
        "a", hateful=True, relation="framed", strength="thin", item=records["a", "framed", "thin"].item,
        proof="rule: this test's", flagged=True,
    )  # fmt: skip


def test_a_seed_that_cannot_be_drawn_has_no_plain_picture_and_is_not_asked_as_one(tmp_path: Path) -> None:
    target = WordList()
    seed = Seed("d", f"send those {LISTED} \U0001f408 home", hateful=True)
    stopped, records = _run(tmp_path / "out", target, [Framed(), *relations_named("leet")], [seed])
    assert stopped is None
    assert records["d", PLAIN_PICTURE, "plain"] == Record("d", hateful=True, relation=PLAIN_PICTURE, strength="plain")
    assert records["d", PLAIN_WORDS, "plain"].flagged
    assert not any(item.picture for item in target.asked)


def test_a_run_that_stopped_goes_on_where_it_was_and_asks_nothing_twice(tmp_path: Path) -> None:
    relations = relations_named("leet,spacing,homoglyph")
    whole = WordList()
    _, expected = _run(tmp_path / "whole", whole, relations)
    first = WordList(max_calls=7)
    stopped, records = _run(tmp_path / "out", first, relations)
    assert stopped == "the budget is spent"
    assert 0 < len(records) < len(expected)
    second = WordList()
    stopped, records = _run(tmp_path / "out", second, relations)
    assert stopped is None
    assert records == expected
    assert first.asked + second.asked == whole.asked
    assert second.n_calls == whole.n_calls
    tables = [(tmp_path / name / "found" / "train.jsonl").read_bytes() for name in ("whole", "out")]
    assert tables[0] == tables[1]


def test_a_line_that_a_kill_cut_off_is_asked_again(tmp_path: Path) -> None:
    relations = relations_named("leet")
    _, expected = _run(tmp_path / "out", WordList(), relations)
    answers = tmp_path / "out" / "answers.jsonl"
    answers.write_bytes(answers.read_bytes()[:-20])
    again = WordList()
    _, records = _run(tmp_path / "out", again, relations)
    assert records == expected
    assert len(again.asked) == 1


def test_a_problem_that_may_pass_is_asked_again_and_a_final_one_is_not(tmp_path: Path) -> None:
    class Tired(WordList):
        def ask(self, item: StressItem) -> Answer:
            super().ask(item)
            is_plain = item.text in {seed.text for seed in SEEDS}
            if not is_plain:
                raise NotJudgedError("not now", is_final=len(self.asked) % 2 == 0)
            return Answer(LISTED in (item.text or ""))

    relations = relations_named("leet")
    _, records = _run(tmp_path / "out", Tired(), relations, SEEDS[:1])
    passing = [key for key, record in records.items() if not record.final]
    again = WordList()
    _, records = _run(tmp_path / "out", again, relations, SEEDS[:1])
    assert len(again.asked) == len(passing) > 0
    assert all(records[key].flagged is not None for key in passing)


def test_calls_of_an_item_that_got_no_record_are_of_the_budget_of_the_next_run(tmp_path: Path) -> None:
    class Broken(WordList):
        def ask(self, item: StressItem) -> Answer:
            super().ask(item)
            raise TargetStoppedError("it failed three times in a row")

    class Interrupted(WordList):
        def ask(self, item: StressItem) -> Answer:
            super().ask(item)
            raise KeyboardInterrupt

    relations = relations_named("leet")
    _, records = _run(tmp_path / "out", Broken(), relations)
    assert not records
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "out", Interrupted(), relations)
    last = WordList(max_calls=3)
    stopped, records = _run(tmp_path / "out", last, relations)
    assert stopped == "the budget is spent"
    assert len(last.asked) == len(records) == 1


def test_a_run_with_items_that_got_no_answer_is_not_whole_until_they_have_one(tmp_path: Path) -> None:
    is_mended = False

    def every_other(body: Any) -> Reply:
        return weak_moderator(body) if is_mended or len(server.asked) % 2 else (200, {}, {})

    with moderator(every_other) as server:
        document = {"url": server.url, "request": {"json": {"text": "{text}"}}, "answer": {"flag": "/result/flagged"}}
        (tmp_path / "target.yaml").write_text(json.dumps(document), encoding="utf-8")
        rows = [{"text": f"a lovely day at beach {n}", "label": 0} for n in range(4)]
        (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        asked = StressOptions(
            target=str(tmp_path / "target.yaml"), seeds=str(tmp_path / "seeds.jsonl"), layout=None, relations="leet",
            out=tmp_path / "out", scenes=None, limit=None, seed=0, max_calls=None, per_second=None, fail_over=1.0,
            examples=False,
        )  # fmt: skip
        with pytest.raises(
            MemeguardError, match=r"not whole: \d+ items got no answer; the same command asks them again"
        ):
            run(asked, "memeguard stress")
        while_broken = len(server.asked)
        is_mended = True
        run(asked, "memeguard stress")
        assert while_broken < len(server.asked)


def test_another_test_in_the_same_folder_is_refused_and_so_is_a_folder_of_something_else(tmp_path: Path) -> None:
    with opened_journal(tmp_path / "out", {"seed": 1, "target": "a"}):
        pass
    with (
        pytest.raises(RunError, match=r"out holds a stress test with another seed; give the same command"),
        opened_journal(tmp_path / "out", {"seed": 2, "target": "a"}),
    ):
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(RunError, match="holds something else"), opened_journal(tmp_path / "mine", {}):
        pass


def test_two_at_once_do_not_share_a_journal(tmp_path: Path) -> None:
    with (
        opened_journal(tmp_path, {}),
        pytest.raises(RunError, match="in use by another process"),
        opened_journal(tmp_path, {}),
    ):
        pass


def test_the_journal_holds_no_words(tmp_path: Path) -> None:
    _run(tmp_path / "out", WordList(), relations_named("leet"))
    lines = (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8")
    assert json.loads(lines.splitlines()[0])["item"]
    assert LISTED not in lines
    assert "beach" not in lines
