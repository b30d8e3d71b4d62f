"""buildenv.sh is read and never run: plain assignments count, everything else is refused by its line."""

from pathlib import Path

import pytest

from hero_build.catalog import buildenv
from hero_build.errors import InvalidServiceManifest
from support.worlds import REPO


@pytest.mark.parametrize(
    "text",
    [
        'export BINARIES="one two"\n',
        "BINARIES='one two'\n",
        'export BINARIES="one two"  # the programs\n',
        'export BINARIES="one two";\n',
        '#!/usr/bin/env bash\nexport PROJECT_NAME="x"\n# BINARIES="old"\nexport BINARIES="one two"',
        'BINARIES="first"\nBINARIES="one two"\n',
        'export BINARIES="\n  one\n  two\n"\n',
        'export BINARIES="one two"\r\nexport VERSION="1"\r\n',
        'MY_BINARIES="three"\nBINARIES="one two"\nexport PATH="$HOME/bin:$PATH"\n',
    ],
)
def test_a_plain_assignment_is_read(text: str) -> None:
    assert buildenv.binaries(text) == ("one", "two")


def test_the_file_of_the_public_shape() -> None:
    text = (REPO / "tests" / "world" / "mycelium" / "buildenv.sh").read_text()
    assert buildenv.binaries(text) == ("mycelium", "mycelium-private")


@pytest.mark.parametrize("text", ["", 'export VERSION="1"\n', "# BINARIES=one\n", "BINARIES=\n", 'echo "$BINARIES"\n'])
def test_without_an_assignment_there_are_none(text: str) -> None:
    assert buildenv.binaries(text) == ()


@pytest.mark.parametrize(
    "line",
    [
        'export BINARIES="$PROJECT_NAME"',
        'BINARIES="one $(touch run)"',
        "BINARIES=`touch run`",
        'BINARIES="one `touch run`"',
        "BINARIES='$one'",
        'BINARIES+=" two"',
        'if true; then BINARIES="one"; fi',
        '  BINARIES="one"',
        "BINARIES=one two",
        "BINARIES=(one two)",
        'BINARIES="one \\\n two"',
        'BINARIES="one"two',
        'declare -x BINARIES="one"',
        'BINARIES="one',
    ],
)
def test_another_assignment_is_not_read_and_said(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a plain one is in the file: which of them holds, only a shell knows."""
    monkeypatch.chdir(tmp_path)
    message = "buildenv.sh sets BINARIES in line 2 to more than a plain text, which is not read"
    with pytest.raises(InvalidServiceManifest, match=message):
        buildenv.binaries(f'BINARIES="plain"\n{line}\n')
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('export ALL_FEATURES="default"\n', ()),
        ('export ALL_FEATURES="one two"\n', ("one", "two")),
        ("ALL_FEATURES=default,one,app/two\n", ("one", "app/two")),
        ("ALL_FEATURES=\n", ()),
        ('export BINARIES="one"\n', ()),
    ],
)
def test_features_beside_the_default_ones(text: str, names: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "buildenv.sh").write_text(text)
    assert buildenv.features(tmp_path) == names


def test_features_that_only_a_shell_knows(tmp_path: Path) -> None:
    (tmp_path / "buildenv.sh").write_text('BINARIES="one"\nALL_FEATURES="$MORE"\n')
    with pytest.raises(InvalidServiceManifest, match="sets ALL_FEATURES in line 2 to more than") as caught:
        buildenv.features(tmp_path)
    assert "Cargo(features=" in caught.value.hint
