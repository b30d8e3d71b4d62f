"""The record of a build: which inputs are kept, and when a build is not recorded because they are not clear."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.model.artifacts import Cargo
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import CargoJob, RecordedBuild
from hero_build.source import recorded_build
from hero_build.source.cargo import build as cargo_build
from hero_build.source.git.status import read_tree
from hero_build.system import file_cache
from hero_build.system.regular_file import read_regular
from support import git_repos, rust_crates

FINGERPRINT = Fingerprint((("commit", "one"), ("lock", "none")))


def job_of(tree: Path, *args: str) -> CargoJob:
    return CargoJob(read_tree(tree), Cargo(args=args), ("app",))


def build_and_record(job: CargoJob, folder: Path, started: int | None = None) -> RecordedBuild:
    attempt = cargo_build.build_all(job, folder / "log", lambda *output: None)
    inputs = recorded_build.read_inputs(job, attempt.crates, attempt.started if started is None else started)
    recorded_build.record(
        job, fingerprint=FINGERPRINT, inputs=inputs, outputs={"app": "digest"}, cache=folder / "cache"
    )
    return recorded_build.recall(job, FINGERPRINT, folder / "cache")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUSTC_WRAPPER", "")
    return rust_crates.app(tmp_path / "app")


def test_a_build_that_reads_its_checkout_alone(tree: Path, tmp_path: Path) -> None:
    assert build_and_record(job_of(tree), tmp_path) == RecordedBuild((("app", "digest"),))
    inputs = recorded_build.recorded_inputs(tree, tmp_path / "cache")
    assert not any(Path(name).is_relative_to(tree / "src") for name in inputs.paths)


def test_another_fingerprint_has_no_record(tree: Path, tmp_path: Path) -> None:
    build_and_record(job_of(tree), tmp_path)
    other = Fingerprint((("commit", "two"), ("lock", "none")))
    assert recorded_build.recall(job_of(tree), other, tmp_path / "cache") == RecordedBuild()


def test_the_lock_file_that_the_build_writes_is_no_other_fingerprint(tree: Path, tmp_path: Path) -> None:
    build_and_record(job_of(tree), tmp_path)
    written = Fingerprint((("commit", "one"), ("lock", "written")))
    assert recorded_build.recall(job_of(tree), written, tmp_path / "cache").outputs


def test_the_record_is_read_once_for_all_that_is_asked(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout may have thirty bundles, and a record of 300."""
    names = tuple(f"bundle{number}" for number in range(30))
    entry = recorded_build.RecordEntry("", files={}, variables={})
    outputs = dict.fromkeys(names, "digest")
    job, cache = replace(job_of(tree), programs=names), tmp_path / "cache"
    recorded_build.record(job, fingerprint=FINGERPRINT, inputs=entry, outputs=outputs, cache=cache)
    reads: list[Path] = []

    def counted(path: Path, largest: int) -> bytes:
        reads.append(path)
        return read_regular(path, largest)

    monkeypatch.setattr(file_cache, "read_regular", counted)
    assert recorded_build.recall(job, FINGERPRINT, cache).outputs == tuple(outputs.items())
    assert len(reads) == 1


def test_arguments_that_name_more_configuration_are_not_recorded(tree: Path, tmp_path: Path) -> None:
    job = job_of(tree, "--config", "profile.release.debug=false")
    assert build_and_record(job, tmp_path) == RecordedBuild()


def test_an_input_that_changed_during_the_build_is_not_recorded(tree: Path, tmp_path: Path) -> None:
    """The lock file of the checkout is newer than a build that started before it was written."""
    program = 'fn main() { print!("{}", include_str!("../../word.txt")); }\n'
    git_repos.commit(tree, {"src/bin/app.rs": program, ".gitignore": "/target\n/word.txt\n"})
    git_repos.write(tree, {"word.txt": "one"})
    assert build_and_record(job_of(tree), tmp_path, started=time.time_ns() - 3_600_000_000_000) == RecordedBuild()


def test_cargo_finds_all_fresh_and_the_record_is_the_same(tree: Path, tmp_path: Path) -> None:
    first = build_and_record(job_of(tree), tmp_path)
    (tmp_path / "cache" / "inputs").rename(tmp_path / "gone")
    assert build_and_record(job_of(tree), tmp_path) == first


def test_a_damaged_record_counts_as_none(tree: Path, tmp_path: Path) -> None:
    build_and_record(job_of(tree), tmp_path)
    for file in (tmp_path / "cache" / "inputs").iterdir():
        file.write_text('{"x": "y"')
    assert recorded_build.recall(job_of(tree), FINGERPRINT, tmp_path / "cache") == RecordedBuild()


def test_a_link_in_the_checkout_counts_as_what_it_leads_to(tree: Path, tmp_path: Path) -> None:
    """A file or a folder that is elsewhere is an input; one of the checkout is covered by its state."""
    words = tmp_path / "words"
    git_repos.write(words, {"one.txt": "one", "two.txt": "two"})
    for name, target in {"file.txt": words / "one.txt", "folder": words, "link.txt": Path("own.txt")}.items():
        (tree / "src" / name).symlink_to(target)
    included = ("file.txt", "folder/two.txt", "link.txt")
    lines = "".join(f'print!("{{}}", include_str!("../{name}"));' for name in included)
    git_repos.commit(tree, {"src/bin/app.rs": f"fn main() {{ {lines} }}\n", "src/own.txt": "text"})
    built = build_and_record(job_of(tree), tmp_path, started=time.time_ns() + 3_600_000_000_000)
    assert built == RecordedBuild((("app", "digest"),))
    paths = recorded_build.recorded_inputs(tree, tmp_path / "cache").paths
    assert {Path(path).name for path in paths if path.endswith(".txt")} == {"file.txt", "two.txt"}
    git_repos.write(words, {"two.txt": "other"})
    changed = recorded_build.recall(job_of(tree), FINGERPRINT, tmp_path / "cache").changed
    assert [Path(path).name for path in changed] == ["two.txt"]
