from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pictures import meme

from model.known.category_file import CategoryFileError, category_names, read_category_file
from model.taxonomy import TASKS

HEAD = "format_version: 1\ncategories:\n"
FIVE = "[one, two, three, four, five]"


def read(folder: Path, content: str) -> str:
    """What is wrong with a file."""
    path = folder / "categories.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CategoryFileError) as caught:
        read_category_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def test_sentences_pictures_and_descriptions_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(meme())
    path = tmp_path / "categories.yaml"
    path.write_text(
        HEAD + "  one: {description: a photo of a cat}\n  two:\n    examples:\n      - plain\n      - image: a.png\n"
        "      - {image: a.png, text: words}\n      - text: more\n      - text: again\nbackground: [other]\n"
    )
    found = read_category_file(path)
    assert found.categories["one"].description == "a photo of a cat"
    examples = found.categories["two"].examples or []
    assert [(one.image, one.text) for one in examples[:3]] == [(None, "plain"), ("a.png", None), ("a.png", "words")]
    assert found.picture(examples[1]) == tmp_path / "a.png"
    assert category_names(path) == ("one", "two")
    assert category_names(None) == ()


def test_the_digest_tells_files_and_pictures_apart(tmp_path: Path) -> None:
    path, picture = tmp_path / "categories.yaml", tmp_path / "a.png"
    picture.write_bytes(b"one")
    path.write_text(HEAD + "  one: {examples: [{image: a.png}, b, c, d, e]}\n")
    first = read_category_file(path).digest
    assert read_category_file(path).digest == first
    picture.write_bytes(b"two")
    assert read_category_file(path).digest != first


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file holds no keys"),
        ("format_version: 1\n", "categories: this key is missing"),
        ("format_version: 2\ncategories: {a: {description: cats}}\n", "format_version:"),
        (HEAD + "  a: {examples: [one, two, three, four]}\n", "categories.a.examples: too few"),
        (HEAD + f"  a: {{examples: [{', '.join(['x'] * 201)}]}}\n", "categories.a.examples: too many"),
        (HEAD + f"  a: {{examples: {FIVE}, description: cats}}\n", "categories.a: give either description or examples"),
        (HEAD + "  a: {}\n", "categories.a: give either description or examples"),
        (HEAD + f"  a: {{exampels: {FIVE}}}\n", "categories.a.exampels: there is no such key"),
        (HEAD + "  a b: {description: cats}\n", "categories.a b: not a name"),
        (HEAD + "  a: {description: cats}\n  a: {description: dogs}\n", "a key stands for the second time at line 4"),
        (
            HEAD + "  a: {examples: [one, two, three, four, {text: five, picture: b}]}\n",
            "example 5.picture: there is no",
        ),
        (HEAD + '  a: {examples: [one, two, three, four, " "]}\n', "example 5: give image, text or both"),
        (HEAD + "  a: {examples: [one, two, three, four, {image: gone.png}]}\n", "a.examples: example 5: its picture"),
        (HEAD + "  a: {description: cats}\nbackground: [{image: gone.png}]\n", "background: example 1: its picture"),
        (HEAD + "  a: {description: [\n", "this is not YAML at line"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, content: str, told: str) -> None:
    assert told in read(tmp_path, content)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_category_is_not_called_like_a_task(tmp_path: Path, task: str) -> None:
    assert read(tmp_path, HEAD + f"  {task}: {{description: cats}}\n").startswith(f"categories.{task}: a task has")


def test_a_file_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(CategoryFileError, match="cannot be read"):
        read_category_file(tmp_path / "gone.yaml")
    path = tmp_path / "categories.yaml"
    path.write_bytes(b"format_version: \xff")
    with pytest.raises(CategoryFileError, match="byte 16 is not UTF-8"):
        read_category_file(path)


@given(st.text(min_size=4, max_size=40, alphabet="zqxjk"))
def test_a_refusal_never_quotes_an_example(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    folder = tmp_path_factory.mktemp("refused")
    assert secret not in read(folder, HEAD + f"  a: {{examples: [{secret}, {{text: {secret}, wrong: {secret}}}]}}\n")
