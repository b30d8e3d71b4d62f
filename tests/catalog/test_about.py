"""What a recipe says the app is, read without running it."""

from pathlib import Path

import pytest

from hero_build.catalog import loader
from hero_build.catalog.about import about


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"""app: a thing."""\n', "a thing."),
        ('# a note\n\n"""app: a thing\nof two lines.\n\nNot this.\n"""\n', "a thing of two lines."),
        ("r'''another: thing'''\n", "another: thing"),
        ('import os\n"""not a docstring"""\n', ""),
        ("raise SystemExit\n", ""),
        ("", ""),
        ('\ufeff"""app: marked."""', "marked."),
        ('"""app: never closed', "never closed"),
    ],
)
def test_the_first_paragraph_of_the_docstring(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(text)
    assert about(path) == says


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(b"\xff\xfe")
    assert about(tmp_path / "app.py") == ""
    assert about(tmp_path / "absent.py") == ""


def test_every_shipped_recipe_says_what_its_app_is_and_nothing_for_maintainers() -> None:
    for app, files in loader.load(()).files.items():
        text = about(files[0])
        assert text.endswith("."), app
        assert len(text) <= 100, app
        for word in ("read from", "rename", "formerly", "_ui", "audit", "workspace"):
            assert word not in text, app
