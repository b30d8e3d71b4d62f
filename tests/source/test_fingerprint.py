"""What a fingerprint rests on: each thing that matters changes its own component, and nothing else changes any."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hero_build.errors import MissingTool, ToolFailed
from hero_build.model.artifacts import Cargo
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import CargoJob
from hero_build.source.cargo.build import build
from hero_build.source.fingerprint import affects_build, fingerprint, with_written_lock
from hero_build.source.git.status import read_tree
from hero_build.system.process import Cancelled
from support import git_repos, rust_crates
from support.processes import gone

RUSTC = "#!/bin/sh\necho called >>{calls}\nprintf 'rustc {version}\\nhost: here\\n'\n"


@dataclass
class BuildEnv:
    """A tree that could be built, and all else that its fingerprint rests on."""

    folder: Path
    cargo: Cargo = field(default_factory=Cargo)
    target: str | None = None

    @property
    def tree(self) -> Path:
        return self.folder / "code0" / "o" / "app"

    @property
    def sibling(self) -> Path:
        return self.folder / "code0" / "o" / "sibling"

    @property
    def recipe(self) -> Path:
        return self.folder / "recipes" / "app.py"

    @property
    def calls(self) -> int:
        path = self.folder / "rustc.calls"
        return path.read_text().count("called") if path.exists() else 0

    def job(self) -> CargoJob:
        return CargoJob(read_tree(self.tree), self.cargo, ("app",), target=self.target)

    def take(self) -> Fingerprint:
        siblings = [read_tree(self.sibling)]
        return fingerprint(self.job(), recipe=[self.recipe], siblings=siblings, cache=self.folder / "cache")

    def rustc(self, version: str) -> None:
        path = self.folder / "path" / "rustc"
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".new").write_text(RUSTC.format(calls=self.folder / "rustc.calls", version=version))
        path.with_suffix(".new").chmod(0o755)
        path.with_suffix(".new").rename(path)


@pytest.fixture
def build_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildEnv:
    for name in list(os.environ):
        if affects_build(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}{os.pathsep}{os.environ['PATH']}")
    env = BuildEnv(tmp_path)
    rust_crates.app(env.tree, **{"link": None, "build.sh": "#!/bin/sh\n"})
    git_repos.repository(env.sibling, {"lib.rs": "// a library\n"})
    git_repos.write(tmp_path, {"recipes/app.py": "a recipe"})
    env.rustc("1.90.0")
    return env


def test_nothing_changed_is_equal(build_env: BuildEnv) -> None:
    first, second = build_env.take(), build_env.take()
    assert first == second
    assert str(first) == str(second)
    assert second.changed(first) == ()


def commits(build_env: BuildEnv) -> None:
    git_repos.commit(build_env.tree, {"src/lib.rs": "// new\n"})


def edits(build_env: BuildEnv) -> None:
    git_repos.write(build_env.tree, {"src/bin/app.rs": rust_crates.program("other")})


def adds(build_env: BuildEnv) -> None:
    git_repos.write(build_env.tree, {"src/bin/new.rs": rust_crates.program("new")})


def adds_an_odd_name(build_env: BuildEnv) -> None:
    git_repos.write(build_env.tree, {'src/a "b"\n\té.rs': "// odd\n"})


def deletes(build_env: BuildEnv) -> None:
    (build_env.tree / "src/bin/app_server.rs").unlink()


def makes_executable(build_env: BuildEnv) -> None:
    (build_env.tree / "build.sh").chmod(0o755)


def replaces_by_a_link(build_env: BuildEnv) -> None:
    (build_env.tree / "build.sh").unlink()
    (build_env.tree / "build.sh").symlink_to("Cargo.toml")


def stages(build_env: BuildEnv) -> None:
    edits(build_env)
    git_repos.git(build_env.tree, "add", "--all")


def nests_a_repository(build_env: BuildEnv) -> None:
    git_repos.repository(build_env.tree / "nested", {"a.txt": "a"})


def edits_the_lock(build_env: BuildEnv) -> None:
    git_repos.write(build_env.tree, {"Cargo.lock": rust_crates.LOCK + "# edited\n"})


def updates_the_toolchain(build_env: BuildEnv) -> None:
    build_env.rustc("1.91.0")


def asks_for_a_feature(build_env: BuildEnv) -> None:
    build_env.cargo = replace(build_env.cargo, features=("odd",))


def asks_for_a_target(build_env: BuildEnv) -> None:
    build_env.target = "x86_64-unknown-linux-musl"


def edits_the_recipe(build_env: BuildEnv) -> None:
    build_env.recipe.write_text("another recipe")


def sets_flags(build_env: BuildEnv) -> None:
    os.environ["RUSTFLAGS"] = "-Ctarget-cpu=native"


def sets_a_profile(build_env: BuildEnv) -> None:
    os.environ["CARGO_PROFILE_RELEASE_LTO"] = "true"


def chooses_a_compiler(build_env: BuildEnv) -> None:
    os.environ["TARGET_CC"] = "musl-gcc"


def configures_cargo(build_env: BuildEnv) -> None:
    git_repos.write(build_env.folder, {"cargo/config.toml": "[build]\n"})


def configures_cargo_above(build_env: BuildEnv) -> None:
    git_repos.write(build_env.folder, {"code0/.cargo/config.toml": "[build]\n"})


def edits_a_sibling(build_env: BuildEnv) -> None:
    git_repos.write(build_env.sibling, {"lib.rs": "// edited\n"})


def commits_to_a_sibling(build_env: BuildEnv) -> None:
    git_repos.commit(build_env.sibling, {"lib.rs": "// new\n"})


MATTERS: dict[Callable[[BuildEnv], None], tuple[str, ...]] = {
    commits: ("commit",),
    edits: ("worktree",),
    adds: ("worktree",),
    adds_an_odd_name: ("worktree",),
    deletes: ("worktree",),
    makes_executable: ("worktree",),
    replaces_by_a_link: ("worktree",),
    stages: ("worktree",),
    nests_a_repository: ("worktree",),
    edits_the_lock: ("worktree", "lock"),
    updates_the_toolchain: ("toolchain",),
    asks_for_a_feature: ("cargo",),
    asks_for_a_target: ("cargo",),
    edits_the_recipe: ("recipe",),
    sets_flags: ("environment",),
    sets_a_profile: ("environment",),
    chooses_a_compiler: ("environment",),
    configures_cargo: ("configuration",),
    configures_cargo_above: ("configuration",),
    edits_a_sibling: ("siblings",),
    commits_to_a_sibling: ("siblings",),
}


@pytest.fixture
def own_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets in os.environ is taken back."""
    for name in ("RUSTFLAGS", "CARGO_PROFILE_RELEASE_LTO", "TARGET_CC"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("own_environ")
@pytest.mark.parametrize("change", MATTERS, ids=lambda change: change.__name__)
def test_what_matters_changes_its_own_component(build_env: BuildEnv, change: Callable[[BuildEnv], None]) -> None:
    first = build_env.take()
    change(build_env)
    second = build_env.take()
    assert second.changed(first) == MATTERS[change]
    assert str(second) != str(first)


def test_every_component_has_something_that_changes_it(build_env: BuildEnv) -> None:
    assert {name for names in MATTERS.values() for name in names} == set(dict(build_env.take().parts))


def ignored(build_env: BuildEnv) -> None:
    git_repos.write(build_env.tree, {"target/debug/x": "x"})


def touched(build_env: BuildEnv) -> None:
    os.utime(build_env.tree / "src/bin/app.rs")


def branched(build_env: BuildEnv) -> None:
    git_repos.git(build_env.tree, "checkout", "--quiet", "-b", "same-commit")


def edited_and_back(build_env: BuildEnv) -> None:
    text = (build_env.tree / "Cargo.toml").read_text()
    edits(build_env)
    build_env.take()
    git_repos.git(build_env.tree, "checkout", "--quiet", ".")
    assert (build_env.tree / "Cargo.toml").read_text() == text


@pytest.mark.parametrize("change", [ignored, touched, branched, edited_and_back], ids=lambda change: change.__name__)
def test_what_does_not_matter_changes_nothing(build_env: BuildEnv, change: Callable[[BuildEnv], None]) -> None:
    first = build_env.take()
    change(build_env)
    assert build_env.take() == first


def test_a_second_edit_of_the_same_file_is_seen(build_env: BuildEnv) -> None:
    edits(build_env)
    first = build_env.take()
    git_repos.write(build_env.tree, {"src/bin/app.rs": rust_crates.program("third")})
    assert build_env.take().changed(first) == ("worktree",)


@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("RUSTFLAGS", True),
        ("CARGO_ENCODED_RUSTFLAGS", True),
        ("CARGO_BUILD_TARGET", True),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", True),
        ("CC", True),
        ("TARGET_CFLAGS", True),
        ("AR_aarch64_unknown_linux_gnu", True),
        ("ORT_LIB_LOCATION", True),
        ("OPENSSL_DIR", True),
        ("FOO_LIB_DIR", True),
        ("RUSTC_WORKSPACE_WRAPPER", True),
        ("CARGO_TARGET_DIR", False),
        ("CARGO_HOME", False),
        ("CARGO_TERM_COLOR", False),
        ("CARGO_REGISTRY_TOKEN", False),
        ("CARGO_REGISTRIES_HERE_TOKEN", False),
        ("CARGO_BUILD_JOBS", False),
        ("RUSTC_WRAPPER", False),
        ("RUST_BACKTRACE", False),
        ("PATH", False),
        ("HOME", False),
    ],
)
def test_which_variables_matter(name: str, does: bool) -> None:
    assert affects_build(name) is does


def test_the_compiler_is_queried_once(build_env: BuildEnv) -> None:
    build_env.take()
    assert build_env.calls == 1
    build_env.take()
    assert build_env.calls == 1
    build_env.rustc("1.91.0")
    assert dict(build_env.take().parts)["toolchain"].startswith("rustc 1.91.0 ")
    assert build_env.calls == 2
    build_env.rustc("1.90.0")
    git_repos.write(build_env.folder, {"code0/rust-toolchain.toml": '[toolchain]\nchannel = "stable"\n'})
    build_env.take()
    assert build_env.calls == 3


def test_a_compiler_that_takes_its_time_can_be_called_off(build_env: BuildEnv) -> None:
    """rustup fetches a toolchain first where one is pinned that is not there."""
    note, path = build_env.folder / "pid", build_env.folder / "path" / "rustc"
    path.write_text(f"#!/bin/sh\necho $$ >{note}.new\nmv {note}.new {note}\nexec sleep 1000\n")
    with pytest.raises(Cancelled):
        fingerprint(
            build_env.job(),
            recipe=[build_env.recipe],
            siblings=[],
            cache=build_env.folder / "cache",
            cancelled=note.exists,
        )
    assert gone([int(note.read_text())])


@pytest.mark.parametrize("text", ["", "[]", '{"x"', "\0"])
def test_a_broken_memory_of_the_compiler_is_no_error(build_env: BuildEnv, text: str) -> None:
    first = build_env.take()
    (build_env.folder / "cache" / "rustc.json").write_text(text)
    assert build_env.take() == first
    shutil.rmtree(build_env.folder / "cache")
    (build_env.folder / "cache").write_text("in the way")
    assert build_env.take() == first


def test_no_process_but_git(build_env: BuildEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged reinstall: git once for each tree whose changes are not known, no compiler, no cargo."""
    job, siblings = build_env.job(), [read_tree(build_env.sibling)]
    fingerprint(job, recipe=[build_env.recipe], siblings=siblings, cache=build_env.folder / "cache")
    started: list[str] = []

    class Spy(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **rest: Any) -> None:
            started.append(Path(command[0]).name)
            super().__init__(command, **rest)

    monkeypatch.setattr(subprocess, "Popen", Spy)
    first = fingerprint(job, recipe=[build_env.recipe], siblings=siblings, cache=build_env.folder / "cache")
    assert started == []
    unread = replace(job, tree=replace(job.tree, changes=None))
    assert fingerprint(unread, recipe=[build_env.recipe], siblings=siblings, cache=build_env.folder / "cache") == first
    assert started == ["git"]


LEAN = """
import sys
from pathlib import Path
from hero_build.model.artifacts import Cargo
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.fingerprint import fingerprint
from hero_build.model.steps import CargoJob
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import Checkout
from hero_build.source.git.credentials import GitAccess
path, cache = map(Path, sys.argv[1:])
with Locks() as locks:
    place = Checkout(path, "o/app", "https://forge.example/o/app.git")
    tree = ensure(place, request=CheckoutRequest(), access=GitAccess("https://f"), locks=locks)
    print(fingerprint(CargoJob(tree, Cargo(), ("app",)), [], [], cache))
print(sorted({"git", "httpx", "rich", "tenacity", "tempfile"} & sys.modules.keys()))
"""


def test_nothing_heavy_is_imported_for_an_unchanged_build(build_env: BuildEnv) -> None:
    command = [sys.executable, "-S", "-c", LEAN, str(build_env.tree), str(build_env.folder / "cache")]
    build_env.take()
    here = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(Path(msgspec.__file__).parents[1])}  # -S leaves out what .pth files import
    done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["[]"], done.stderr


def test_no_compiler(build_env: BuildEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    job = build_env.job()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingTool, match="has no Rust compiler") as caught:
        fingerprint(job, recipe=[], siblings=[], cache=build_env.folder / "cache")
    assert "rustup" in caught.value.hint


def test_a_compiler_that_does_not_work(build_env: BuildEnv) -> None:
    rustc = build_env.folder / "path" / "rustc"
    rustc.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    with pytest.raises(ToolFailed, match=r"ended with 1 in .*: broken"):
        build_env.take()


def test_a_build_changes_nothing_but_the_lock_it_makes(build_env: BuildEnv) -> None:
    (build_env.folder / "path" / "rustc").unlink()
    git_repos.git(build_env.tree, "rm", "--quiet", "--force", "Cargo.lock", ".gitignore")
    git_repos.commit(build_env.tree, {})
    before = build_env.take()
    job = build_env.job()
    build(job, build_env.folder / "log", lambda *output: None)
    assert (build_env.tree / "target").is_dir()
    assert (build_env.tree / "Cargo.lock").is_file()
    after = build_env.take()
    assert after.changed(before) == ("lock",)
    assert with_written_lock(before, job) == after
    assert with_written_lock(after, job) == after
