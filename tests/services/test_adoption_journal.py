"""The journal of an adoption is read, or the machine could not read it: it is never taken for absent."""

from pathlib import Path

import pytest

from hero_build.errors import MachineError
from hero_build.install.layout import Root
from hero_build.services.adoption_journal import AdoptionState, end_adoption, read_adoption, write_adoption
from support.open_files import no_more_files


def test_too_many_open_files_are_no_end_of_an_adoption(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.state.mkdir(parents=True)
    state = AdoptionState("db", service="old-db", before=1, after=2, replaced=(), recorded=("web",))
    write_adoption(root, state)
    with no_more_files(), pytest.raises(MachineError, match="too many files are open") as caught:
        read_adoption(root)
    assert caught.value.code == 8
    assert read_adoption(root) == state
    end_adoption(root)
    assert read_adoption(root) is None


def test_a_journal_that_was_not_written_completely_is_none(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.state.mkdir(parents=True)
    root.adoption.write_text('{"app": "db"')
    assert read_adoption(root) is None
