from serving.commands.settings_document import DOCUMENT, document
from serving.settings import Settings


def test_configuration_md_is_what_the_settings_say() -> None:
    written = DOCUMENT.read_text()
    assert written == document(), (
        "run `python -m serving.commands.settings_document` and commit serving/CONFIGURATION.md"
    )


def test_every_setting_has_one_row_with_its_variable() -> None:
    rows = [line for line in document().splitlines() if line.startswith("| `MEMEGUARD_")]
    variables = [row.split("`")[1] for row in rows]
    assert sorted(variables) == sorted(f"MEMEGUARD_{key.upper()}" for key in Settings.model_fields)


def test_a_row_names_the_flag_the_bounds_and_the_default() -> None:
    rows = {line.split("`")[1]: line for line in document().splitlines() if line.startswith("| `MEMEGUARD_")}
    assert "<br>`--ocr`" in rows["MEMEGUARD_OCR"]
    assert "| `rapidocr`, `tesseract`, `none` | `rapidocr` |" in rows["MEMEGUARD_OCR"]
    assert "| whole number, ≥ 1 | unset |" in rows["MEMEGUARD_THREADS"]
    assert "`model/bundles/compact` of Memeguard" in rows["MEMEGUARD_BUNDLE"]
