"""The page of relations holds every relation as the code has it."""

from support import ROOT

from training.stress.relations.base import FAMILIES, Relation, relations_named

PAGE = (ROOT / "docs" / "stress_relations.md").read_text(encoding="utf-8")


def row(relation: Relation) -> tuple[str, str]:
    return f"| `{relation.name}` | ", f" | {', '.join(relation.strengths)} | {relation.source} |"


def test_every_relation_has_its_row_below_its_family_with_strengths_and_source() -> None:
    tables = {part.split("\n", 1)[0]: part for part in PAGE.split("### ")[1:]}
    missing = [
        relation.name
        for relation in relations_named("all")
        if not any(
            line.startswith(row(relation)[0]) and line.endswith(row(relation)[1])
            for line in tables[relation.family].splitlines()
        )
    ]
    assert missing == []
    assert [*tables] == list(FAMILIES)


def test_no_row_is_of_a_relation_that_is_gone() -> None:
    assert PAGE.count("\n| `") == len(relations_named("all"))
