"""What cargo says of a checkout's packages is asked again only if something that it depends on has changed."""

import shutil
import time
from pathlib import Path

import pytest

from hero_build.errors import BuildError
from hero_build.model.artifacts import Cargo
from hero_build.model.installed import BuildInfo
from hero_build.model.steps import CargoJob
from hero_build.source.cargo import build as cargo_build
from hero_build.source.cargo import known_metadata
from hero_build.source.cargo.workspaces import Workspaces
from hero_build.source.fingerprint import fingerprint
from hero_build.source.git.status import read_tree
from support import git_repos, rust_crates
from support.spies import calls, record_calls

_SETTLED = 0.2  # seconds after which a file counts as older than a call of cargo


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUSTC_WRAPPER", "")
    path = rust_crates.app(tmp_path / "app", **{".gitignore": "/target\n/own\n/src/bin/made.rs\n"})
    time.sleep(_SETTLED)
    return path


@pytest.fixture
def notes(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What cargo is called with."""
    return record_calls(tmp_path / "path", "cargo", monkeypatch)


def workspaces(tree: Path) -> Workspaces:
    """As a build reads them that is planned now."""
    job, cache = CargoJob(read_tree(tree), Cargo(), ("app",)), tree.parent / "cache"
    env, planned = cargo_build.environment(job), BuildInfo("", fingerprint(job, recipe=(), siblings=(), cache=cache))
    return Workspaces(tree, job.cargo, env=env, memory=known_metadata.memory(job, planned, env=env, cache=cache))


def programs(tree: Path) -> tuple[str, ...]:
    return tuple(name for item in workspaces(tree).first() for name in item.programs)


def edit(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))
    time.sleep(_SETTLED)


def test_an_edit_of_a_source_starts_no_cargo(tree: Path, notes: Path) -> None:
    for word in ("one", "two", "three"):
        edit(tree / "src/bin/app.rs", "println!", f"/* {word} */ println!")
        assert programs(tree) == ("app", "app_server")
    assert len(calls(notes)) == 1


def test_a_program_more_and_one_less(tree: Path, notes: Path) -> None:
    assert programs(tree) == ("app", "app_server")
    git_repos.write(tree, {"src/bin/third.rs": rust_crates.program("third")})
    assert programs(tree) == ("app", "app_server", "third")
    (tree / "src/bin/third.rs").unlink()
    (tree / "src/bin/app_server.rs").unlink()
    assert programs(tree) == ("app",)
    assert len(calls(notes)) == 3


def test_an_edit_of_a_manifest(tree: Path) -> None:
    (before,) = workspaces(tree).choose(["app"]).values()
    for version in ("0.2.0", "0.3.0"):
        edit(tree / "Cargo.toml", before.version, version)
        (before,) = workspaces(tree).choose(["app"]).values()
        assert before.version == version


def test_a_manifest_that_git_ignores(tree: Path) -> None:
    """A path dependency in the folder of the workspace is a member of it."""
    git_repos.write(tree, {"own/Cargo.toml": rust_crates.manifest("own"), "own/src/lib.rs": "", "own/src/main.rs": ""})
    edit(tree / "Cargo.toml", 'edition = "2021"\n', 'edition = "2021"\n[workspace]\n[dependencies]\nown.path = "own"\n')
    assert "own" in programs(tree)
    edit(tree / "own/Cargo.toml", "0.1.0", "0.2.0")
    assert {item.version for found in workspaces(tree).first() for item in found.packages} == {"0.1.0", "0.2.0"}
    shutil.rmtree(tree / "own")
    with pytest.raises(BuildError, match="cargo cannot read the workspace"):
        programs(tree)


def test_a_program_that_git_ignores_is_found(tree: Path) -> None:
    assert programs(tree) == ("app", "app_server")
    git_repos.write(tree, {"src/bin/made.rs": rust_crates.program("made")})
    assert workspaces(tree).choose(["made"]).keys() == {"made"}
    with pytest.raises(BuildError, match="has no program other"):
        workspaces(tree).choose(["other"])


def test_configuration_and_variables_are_part_of_the_state(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def targets() -> set[Path]:
        return {item.target for item in workspaces(tree).first()}

    assert targets() == {tree / "target"}
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tree / "elsewhere"))
    assert targets() == {tree / "elsewhere"}
    monkeypatch.delenv("CARGO_TARGET_DIR")
    git_repos.write(tree, {".cargo/config.toml": '[build]\ntarget-dir = "configured"\n'})
    assert targets() == {tree / "configured"}


def test_a_manifest_that_may_have_changed_while_cargo_read_it_is_not_kept(
    tree: Path, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(known_metadata, "_TICK", 3_600_000_000_000)  # the manifest is younger than an hour
        assert programs(tree) == ("app", "app_server")
    assert programs(tree) == programs(tree) == ("app", "app_server")
    assert len(calls(notes)) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"key": 1}', "[" * 5000])
def test_a_damaged_memory_is_not_used(tree: Path, notes: Path, content: str) -> None:
    assert programs(tree) == ("app", "app_server")
    (file,) = (tree.parent / "cache" / "metadata").iterdir()
    file.write_text(content)
    assert programs(tree) == programs(tree) == ("app", "app_server")
    assert len(calls(notes)) == 2
