"""A source install with nothing to do is remembered; whatever changes, the next answer is the one without a receipt."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hero_build.ops.noop_cache import IGNORED_VARIABLES
from hero_build.system.environment import GIT_LOCAL
from hero_build.system.process import SECRETS
from support import git_repos, rust_crates, source_builds
from support.processes import until
from support.source_builds import SOURCE
from support.worlds import Done, World

REAL = shutil.which("rustc")
RUSTC = '#!/bin/sh\n[ "$1" = -vV ] && echo "{word}"\nexec {real} "$@"\n'
FILES = {
    **rust_crates.APP,
    ".gitignore": "/target\n*.log\n/kept\n",
    "build.sh": "#!/bin/sh\n",
    "src/deep/er/notes.txt": "notes\n",
    "kept/notes.txt": "tracked, although ignored\n",
}
Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Place:
    """An app that is built and installed, beside a sibling, with a compiler of its own on PATH."""

    world: World
    patch: Patch

    @property
    def folder(self) -> Path:
        return self.world.folder

    @property
    def tree(self) -> Path:
        return source_builds.checkout_path(self.world)

    @property
    def sibling(self) -> Path:
        return source_builds.checkout_path(self.world, "beside")

    @property
    def receipt(self) -> Path:
        return self.world.root.path / "var" / "hero_build" / "receipt"

    def rustc(self, word: str, folder: str = "path") -> None:
        path = self.folder / folder / "rustc"
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".new").write_text(RUSTC.format(word=word, real=REAL))
        path.with_suffix(".new").chmod(0o755)
        path.with_suffix(".new").rename(path)

    def install(self, *more: str) -> Done:
        self.patch.delenv("PYTEST_CURRENT_TEST", raising=False)  # which is another one in each phase of a test
        return self.world.run(*SOURCE, *more, python=("-X", "importtime"))

    def recalled(self) -> bool:
        return recalled(self.install())


def recalled(done: Done) -> bool:
    """Whether the answer was read off the receipt: then click was never imported."""
    return done.code == 0 and " click" not in done.err


@pytest.fixture
def place(world: World, monkeypatch: Patch) -> Place:
    """Remembered: a third command is answered by the receipt of a second."""
    made = Place(world, monkeypatch)
    made.rustc("word: one")
    monkeypatch.setenv("PATH", f"{world.folder / 'first'}:{world.folder / 'path'}:{os.environ['PATH']}")
    monkeypatch.setenv("CARGO_HOME", str(world.folder / "cargo"))
    source_builds.add_app(world, files=FILES, siblings='("o/beside",)')
    git_repos.upstream(world.mirror, "o/beside", {"lib.rs": "// a library\n", ".gitignore": "*.log\n"})
    world.ok(*SOURCE)
    assert until(made.recalled)
    return made


def edit(place: Place) -> None:
    git_repos.write(place.tree, {"src/bin/app.rs": rust_crates.program("other")})


def edit_alike(place: Place) -> None:
    """To the same size, with the time put back."""
    path = place.tree / "src/bin/app.rs"
    before = path.stat()
    path.write_text(path.read_text().replace('"app"', '"ppa"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace_by_link(place: Place) -> None:
    (place.tree / "build.sh").unlink()
    (place.tree / "build.sh").symlink_to("Cargo.toml")


def stage(place: Place) -> None:
    edit(place)
    git_repos.git(place.tree, "add", "--all")


def branch_with_work(place: Place) -> None:
    git_repos.git(place.tree, "checkout", "--quiet", "-b", "other")
    git_repos.commit(place.tree, {"src/bin/app.rs": rust_crates.program("other")})


def stash(place: Place) -> None:
    edit(place)
    git_repos.git(place.tree, "stash", "--quiet")


def pack(place: Place) -> None:
    git_repos.git(place.tree, "pack-refs", "--all")


def reset_hard(place: Place) -> None:
    """HEAD moves by its ref alone: the tree of the new commit is that of the old one."""
    git_repos.git(place.tree, "update-ref", "refs/heads/main", git_repos.git(place.tree, "commit-tree", "HEAD^{tree}"))


def submodule(place: Place) -> None:
    git_repos.git(place.tree, "submodule", "--quiet", "add", str(place.world.mirror / "o/beside.git"), "sub")


def git_attributes(place: Place) -> None:
    git_repos.write(place.tree, {".git/info/attributes": "*.rs eol=lf\n"})


def ignore(place: Place) -> None:
    git_repos.write(place.tree, {".git/info/exclude": "note*\n"})
    git_repos.write(place.tree, {"note": "ignored"})


def no_longer_ignored(place: Place) -> None:
    """An excluded file that was there all the time."""
    git_repos.write(place.tree, {"a.log": "log\n"})
    assert until(place.recalled)
    git_repos.git(place.tree, "config", "core.excludesFile", "/nowhere")
    git_repos.write(place.tree, {".git/info/exclude": "!a.log\n", ".gitignore": "/target\n"})


def person_ignores(place: Place) -> None:
    """What the person's own configuration excludes shows when that goes."""
    git_repos.write(place.folder, {"ignore": "*.mine\n"})
    (place.folder / "gitconfig").write_text(f"[core]\n\texcludesFile = {place.folder / 'ignore'}\n")
    git_repos.write(place.tree, {"a.mine": "mine\n"})
    assert until(place.recalled)
    (place.folder / "ignore").write_text("\n")


def new_app(place: Place) -> None:
    place.world.recipe("another")


def edit_recipe(place: Place) -> None:
    with (place.world.recipes / "app.py").open("a") as file:
        file.write("# a word more\n")


def configure_root(place: Place) -> None:
    git_repos.write(place.world.root.path, {"cfg/hero_build.toml": "jobs = 3\n"})


def move_coderoot(place: Place) -> None:
    git_repos.write(place.world.root.path, {"cfg/hero_build.toml": f'coderoot = "{place.folder / "elsewhere"}"\n'})


def chmod_program(place: Place) -> None:
    (place.world.root.path / "bin" / "app").resolve().chmod(0o700)


def break_program(place: Place) -> None:
    (place.world.root.path / "bin" / "app").resolve().write_bytes(b"broken")


def break_manifest(place: Place) -> None:
    (place.world.root.current / "manifest.json").write_text("{")


def no_git(place: Place) -> None:
    """git is gone; sh and the like are not."""
    place.patch.setenv("PATH", source_builds.path_without(place.folder / "without", "git")["PATH"])


def damage_index(place: Place) -> None:
    (place.tree / ".git" / "index").write_bytes(b"no index")


def lose_checkout(place: Place) -> None:
    shutil.rmtree(place.tree)


def lose_sibling(place: Place) -> None:
    shutil.rmtree(place.sibling)


def flat_to_nested(place: Place) -> None:
    """The checkout lies right in coderoot; then one appears where it is looked for first."""
    flat = place.tree.parent.parent
    for path in (place.tree, place.sibling):
        path.rename(flat / path.name)
    assert until(place.recalled)
    git_repos.git(flat, "clone", "--quiet", str(place.world.mirror / "o/app.git"), str(place.tree))
    git_repos.git(flat, "clone", "--quiet", str(place.world.mirror / "o/beside.git"), str(place.sibling))
    git_repos.commit(place.tree, {"new.txt": "new"})


def write(*files: str, text: str = "// new\n", at: str = "tree") -> Callable[[Place], None]:
    return lambda place: git_repos.write(getattr(place, at), dict.fromkeys(files, text))


def setenv(name: str, value: str) -> Callable[[Place], None]:
    return lambda place: place.patch.setenv(name, value)


CHANGES: dict[str, tuple[str, Callable[[Place], object]]] = {
    "commit": ("build", lambda place: git_repos.commit(place.tree, {"src/lib.rs": "// new\n"})),
    "amend": ("build", lambda place: git_repos.git(place.tree, "commit", "--quiet", "--amend", "-m", "said better")),
    "edit": ("build", edit),
    "edit to the same size and time": ("build", edit_alike),
    "add": ("build", write("src/bin/new.rs", text=rust_crates.program("new"))),
    "add deep in a folder": ("build", write("src/deep/er/new.txt")),
    "add a folder": ("build", write("src/deep/new/new.txt")),
    "add an odd name": ("build", write('src/a "b"\n\té.rs')),
    "delete": ("build", lambda place: (place.tree / "src/deep/er/notes.txt").unlink()),
    "chmod": ("build", lambda place: (place.tree / "build.sh").chmod(0o755)),
    "replace by a link": ("build", replace_by_link),
    "edit what is tracked and ignored": ("build", write("kept/notes.txt")),
    "stage": ("build", stage),
    "branch with work": ("build", branch_with_work),
    "move the ref alone": ("build", reset_hard),
    "nest a repository": ("build", lambda place: git_repos.repository(place.tree / "nested", {"a.txt": "a"})),
    "add a submodule": ("build", submodule),
    "edit the lock": ("build", write("Cargo.lock", text=rust_crates.LOCK + "# edited\n")),
    "update the toolchain": ("build", lambda place: place.rustc("word: two")),
    "a broken toolchain file": ("error", write("hero/code0/rust-toolchain.toml", text="[]", at="folder")),
    "another rustc first on PATH": ("build", lambda place: place.rustc("word: two", "first")),
    "another PATH": ("keep", lambda place: place.patch.setenv("PATH", os.environ["PATH"] + ":/nowhere")),
    "edit the recipe": ("build", edit_recipe),
    "a module of recipes": ("build", lambda place: (place.world.recipes / "_shared.py").write_text("WORD = 1\n")),
    "another recipe": ("keep", new_app),
    "flags": ("build", setenv("RUSTFLAGS", "-Copt-level=1")),
    "a profile": ("build", setenv("CARGO_PROFILE_RELEASE_LTO", "true")),
    "a compiler": ("build", setenv("TARGET_CC", "musl-gcc")),
    "an odd variable": ("keep", setenv("A_RECIPE_MIGHT", "read it")),
    "configure cargo": ("build", write("cargo/config.toml", text="[build]\n", at="folder")),
    "configure cargo above": ("build", write("hero/code0/.cargo/config.toml", text="[build]\n", at="folder")),
    "configure cargo in the tree": ("build", write(".cargo/config", text="[build]\n")),
    "edit the sibling": ("build", write("lib.rs", at="sibling")),
    "commit to the sibling": ("build", lambda place: git_repos.commit(place.sibling, {"lib.rs": "// new\n"})),
    "lose the checkout": ("clone", lose_checkout),
    "lose the sibling": ("clone", lose_sibling),
    "attributes": ("keep", git_attributes),
    "exclude a new file": ("keep", ignore),
    "exclude no longer": ("build", no_longer_ignored),
    "a person's excludes": ("build", person_ignores),
    "an ignored file": ("keep", write("src/a.log")),
    "touch": ("keep", lambda place: os.utime(place.tree / "src/bin/app.rs")),
    "branch": ("keep", lambda place: git_repos.git(place.tree, "checkout", "--quiet", "-b", "same-commit")),
    "detach": ("keep", lambda place: git_repos.git(place.tree, "checkout", "--quiet", "--detach")),
    "stash": ("keep", stash),
    "pack refs": ("keep", pack),
    "cargo's mark goes": ("keep", lambda place: (place.tree / "target" / "CACHEDIR.TAG").unlink()),
    "a flat checkout no longer counts": ("build", flat_to_nested),
    "config of the root": ("keep", configure_root),
    "another coderoot": ("clone", move_coderoot),
    "chmod a program": ("keep", chmod_program),
    "damage a program": ("build", break_program),
    "lose a link": ("build", lambda place: (place.world.root.path / "bin" / "app").unlink()),
    "damage the manifest": ("error", break_manifest),
    "git is gone": ("error", no_git),
    "damage the index": ("error", damage_index),
    "work left unfinished": ("keep", lambda place: (place.world.root.staging / "x").mkdir()),
    "another generation": ("build", lambda place: place.world.ok("uninstall", "app")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_answer_is_the_one_without_a_receipt(name: str, place: Place) -> None:
    """Nothing is recalled; what is done is what `explain`, which reads no receipt, says of the same moment."""
    expected, change = CHANGES[name]
    assert place.recalled()
    change(place)
    told = place.world.run("explain", "app", "--mode", "source", "--json")
    explained = told.document["decisions"][0]["decision"] if told.code == 0 else "error"
    assert explained == ("build" if expected == "clone" else expected), told.err
    done = place.install()
    assert not recalled(done)
    assert done.code == (told.code if expected == "error" else 0), done.err
    assert ("built and verified" in done.err) is (expected == "build")


def test_the_receipt_is_of_the_whole_answer(place: Place) -> None:
    """What is recalled is word for word what was answered; a receipt of the new state is left after a change."""
    again = place.install()
    place.receipt.unlink()
    whole = place.install()
    assert not recalled(whole)
    assert again.out == whole.out
    edit(place)
    assert not recalled(place.install())
    assert until(place.recalled)
    assert "+dirty is up to date with its checkout" in place.install().out


def test_half_a_receipt_is_none(place: Place) -> None:
    """What a machine that lost its power left of it must not be a receipt of less."""
    whole = place.receipt.read_bytes().split(b"\0")
    for count in (1, 2, len(whole) // 2, len(whole) - 1):
        place.receipt.write_bytes(b"\0".join(whole[:count]))
        assert not place.recalled()
        place.receipt.write_bytes(b"\0".join([*whole[:count], *[b""] * (len(whole) - count)]))
        assert not place.recalled()
    place.receipt.write_bytes(b"\0".join(whole))
    assert place.recalled()


@pytest.mark.parametrize("words", [("--update",), ("--ref", "main"), ("--restart",), ("--dry-run",), ("--json",)])
def test_other_questions_leave_none(place: Place, words: tuple[str, ...]) -> None:
    place.receipt.unlink()
    for _ in range(2):
        assert not recalled(place.install(*words))
    assert not place.receipt.exists()


def test_auto_leaves_none(place: Place) -> None:
    """It asks the forge."""
    place.receipt.unlink()
    place.world.ok("install", "app")
    assert not place.receipt.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".git/config", "[include]\n\tpath = more\n"),
        (".git/config", "[core]\n\tworktree = ..\n"),
        (".git/config", '[core]\n\texcludesFile = "~/a b"\n'),
    ],
    ids=["include", "worktree", "quoted"],
)
def test_where_git_reads_what_is_not_looked_at_there_is_none(place: Place, name: str, text: str) -> None:
    place.receipt.unlink()
    path = place.tree / name
    path.write_text(path.read_text() + text.replace("..", str(place.tree)))
    for _ in range(3):
        assert not recalled(place.install())
    assert not place.receipt.exists()


def test_what_is_being_written_is_not_trusted(place: Place) -> None:
    """Whoever writes while the decision is made may have written before or after it: no receipt, until it rests."""
    place.receipt.unlink()
    recipe = place.world.recipes / "app.py"
    recipe.write_text(f"{recipe.read_text()}\nfrom pathlib import Path\nPath({str(place.tree / 'a.log')!r}).touch()\n")
    place.world.ok(*SOURCE)
    for _ in range(3):
        assert not recalled(place.install())
    assert not place.receipt.exists()


def test_tokens_and_what_git_sets_for_hooks_ask_nothing_else() -> None:
    """They are taken out of the environment before the receipt is written, and not before it is read."""
    assert {*SECRETS, *GIT_LOCAL} <= set(IGNORED_VARIABLES)


def test_a_token_is_not_in_it(place: Place) -> None:
    place.patch.setenv("FORGEJO_TOKEN", "hush-hush")
    place.patch.setenv("A_SECRET", "hush-too")
    place.receipt.unlink()
    assert until(place.recalled)
    assert b"hush" not in place.receipt.read_bytes()
