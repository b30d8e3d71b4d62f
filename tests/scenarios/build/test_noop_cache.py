"""A source install with nothing to do is remembered; whatever changes, the next answer is the one without a receipt."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hero_build.ops.noop_cache import IGNORED_VARIABLES
from hero_build.system.environment import GIT_LOCAL, SECRETS
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
class Setup:
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
    """Whether the answer was read off the receipt: then the settings were never read."""
    return done.code == 0 and "hero_build.settings" not in done.err


@pytest.fixture
def setup(world: World, monkeypatch: Patch) -> Setup:
    """Remembered: a third command is answered by the receipt of a second."""
    built = Setup(world, monkeypatch)
    built.rustc("word: one")
    monkeypatch.setenv("PATH", f"{world.folder / 'first'}:{world.folder / 'path'}:{os.environ['PATH']}")
    monkeypatch.setenv("CARGO_HOME", str(world.folder / "cargo"))
    source_builds.add_app(world, files=FILES, siblings='("o/beside",)')
    git_repos.upstream(world.mirror, "o/beside", {"lib.rs": "// a library\n", ".gitignore": "*.log\n"})
    world.ok(*SOURCE)
    assert until(built.recalled)
    return built


def edit(setup: Setup) -> None:
    git_repos.write(setup.tree, {"src/bin/app.rs": rust_crates.program("other")})


def edit_alike(setup: Setup) -> None:
    """To the same size, with the time put back."""
    path = setup.tree / "src/bin/app.rs"
    before = path.stat()
    path.write_text(path.read_text().replace('"app"', '"ppa"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace_by_link(setup: Setup) -> None:
    (setup.tree / "build.sh").unlink()
    (setup.tree / "build.sh").symlink_to("Cargo.toml")


def stage(setup: Setup) -> None:
    edit(setup)
    git_repos.git(setup.tree, "add", "--all")


def branch_with_work(setup: Setup) -> None:
    git_repos.git(setup.tree, "checkout", "--quiet", "-b", "other")
    git_repos.commit(setup.tree, {"src/bin/app.rs": rust_crates.program("other")})


def stash(setup: Setup) -> None:
    edit(setup)
    git_repos.git(setup.tree, "stash", "--quiet")


def pack(setup: Setup) -> None:
    git_repos.git(setup.tree, "pack-refs", "--all")


def reset_hard(setup: Setup) -> None:
    """HEAD moves by its ref alone: the tree of the new commit is that of the old one."""
    git_repos.git(setup.tree, "update-ref", "refs/heads/main", git_repos.git(setup.tree, "commit-tree", "HEAD^{tree}"))


def submodule(setup: Setup) -> None:
    git_repos.git(setup.tree, "submodule", "--quiet", "add", str(setup.world.mirror / "o/beside.git"), "sub")


def git_attributes(setup: Setup) -> None:
    git_repos.write(setup.tree, {".git/info/attributes": "*.rs eol=lf\n"})


def ignore(setup: Setup) -> None:
    git_repos.write(setup.tree, {".git/info/exclude": "note*\n"})
    git_repos.write(setup.tree, {"note": "ignored"})


def no_longer_ignored(setup: Setup) -> None:
    """An excluded file that was there all the time."""
    git_repos.write(setup.tree, {"a.log": "log\n"})
    assert until(setup.recalled)
    git_repos.git(setup.tree, "config", "core.excludesFile", "/nowhere")
    git_repos.write(setup.tree, {".git/info/exclude": "!a.log\n", ".gitignore": "/target\n"})


def person_ignores(setup: Setup) -> None:
    """What the person's own configuration excludes shows when that goes."""
    git_repos.write(setup.folder, {"ignore": "*.mine\n"})
    (setup.folder / "gitconfig").write_text(f"[core]\n\texcludesFile = {setup.folder / 'ignore'}\n")
    git_repos.write(setup.tree, {"a.mine": "mine\n"})
    assert until(setup.recalled)
    (setup.folder / "ignore").write_text("\n")


def new_app(setup: Setup) -> None:
    setup.world.recipe("another")


def edit_recipe(setup: Setup) -> None:
    with (setup.world.recipes / "app.py").open("a") as file:
        file.write("# a word more\n")


def configure_root(setup: Setup) -> None:
    git_repos.write(setup.world.root.path, {"cfg/hero_build.toml": "jobs = 3\n"})


def move_coderoot(setup: Setup) -> None:
    git_repos.write(setup.world.root.path, {"cfg/hero_build.toml": f'coderoot = "{setup.folder / "elsewhere"}"\n'})


def chmod_program(setup: Setup) -> None:
    (setup.world.root.path / "bin" / "app").resolve().chmod(0o700)


def break_program(setup: Setup) -> None:
    (setup.world.root.path / "bin" / "app").resolve().write_bytes(b"broken")


def break_manifest(setup: Setup) -> None:
    (setup.world.root.current / "manifest.json").write_text("{")


def no_git(setup: Setup) -> None:
    """git is gone; sh and the like are not."""
    setup.patch.setenv("PATH", source_builds.path_without(setup.folder / "without", "git")["PATH"])


def damage_index(setup: Setup) -> None:
    (setup.tree / ".git" / "index").write_bytes(b"no index")


def lose_checkout(setup: Setup) -> None:
    shutil.rmtree(setup.tree)


def lose_sibling(setup: Setup) -> None:
    shutil.rmtree(setup.sibling)


def flat_to_nested(setup: Setup) -> None:
    """The checkout lies right in coderoot; then one appears where it is looked for first."""
    flat = setup.tree.parent.parent
    for path in (setup.tree, setup.sibling):
        path.rename(flat / path.name)
    assert until(setup.recalled)
    git_repos.git(flat, "clone", "--quiet", str(setup.world.mirror / "o/app.git"), str(setup.tree))
    git_repos.git(flat, "clone", "--quiet", str(setup.world.mirror / "o/beside.git"), str(setup.sibling))
    git_repos.commit(setup.tree, {"new.txt": "new"})


def unmark(setup: Setup) -> None:
    """What a build by hand has left: git ignores it, with cargo's mark and without."""
    mark = setup.tree / "target" / "CACHEDIR.TAG"
    git_repos.write(setup.tree, {"target/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"})
    assert until(setup.recalled)
    mark.unlink()


def write(*files: str, text: str = "// new\n", at: str = "tree") -> Callable[[Setup], None]:
    return lambda setup: git_repos.write(getattr(setup, at), dict.fromkeys(files, text))


def setenv(name: str, value: str) -> Callable[[Setup], None]:
    return lambda setup: setup.patch.setenv(name, value)


CHANGES: dict[str, tuple[str, Callable[[Setup], object]]] = {
    "commit": ("build", lambda setup: git_repos.commit(setup.tree, {"src/lib.rs": "// new\n"})),
    "amend": ("build", lambda setup: git_repos.git(setup.tree, "commit", "--quiet", "--amend", "-m", "said better")),
    "edit": ("build", edit),
    "edit to the same size and time": ("build", edit_alike),
    "add": ("build", write("src/bin/new.rs", text=rust_crates.program("new"))),
    "add deep in a folder": ("build", write("src/deep/er/new.txt")),
    "add a folder": ("build", write("src/deep/new/new.txt")),
    "add an odd name": ("build", write('src/a "b"\n\té.rs')),
    "delete": ("build", lambda setup: (setup.tree / "src/deep/er/notes.txt").unlink()),
    "chmod": ("build", lambda setup: (setup.tree / "build.sh").chmod(0o755)),
    "replace by a link": ("build", replace_by_link),
    "edit what is tracked and ignored": ("build", write("kept/notes.txt")),
    "stage": ("build", stage),
    "branch with work": ("build", branch_with_work),
    "move the ref alone": ("build", reset_hard),
    "nest a repository": ("build", lambda setup: git_repos.repository(setup.tree / "nested", {"a.txt": "a"})),
    "add a submodule": ("build", submodule),
    "edit the lock": ("build", write("Cargo.lock", text=rust_crates.LOCK + "# edited\n")),
    "update the toolchain": ("build", lambda setup: setup.rustc("word: two")),
    "a broken toolchain file": ("error", write("hero/code0/rust-toolchain.toml", text="[]", at="folder")),
    "another rustc first on PATH": ("build", lambda setup: setup.rustc("word: two", "first")),
    "another PATH": ("keep", lambda setup: setup.patch.setenv("PATH", os.environ["PATH"] + ":/nowhere")),
    "edit the recipe": ("build", edit_recipe),
    "a module of recipes": ("build", lambda setup: (setup.world.recipes / "_shared.py").write_text("WORD = 1\n")),
    "another recipe": ("keep", new_app),
    "flags": ("build", setenv("RUSTFLAGS", "-Copt-level=1")),
    "a profile": ("build", setenv("CARGO_PROFILE_RELEASE_LTO", "true")),
    "a compiler": ("build", setenv("TARGET_CC", "musl-gcc")),
    "an odd variable": ("keep", setenv("A_RECIPE_MIGHT", "read it")),
    "configure cargo": ("build", write("cargo/config.toml", text="[build]\n", at="folder")),
    "configure cargo above": ("build", write("hero/code0/.cargo/config.toml", text="[build]\n", at="folder")),
    "configure cargo in the tree": ("build", write(".cargo/config", text="[build]\n")),
    "edit the sibling": ("build", write("lib.rs", at="sibling")),
    "commit to the sibling": ("build", lambda setup: git_repos.commit(setup.sibling, {"lib.rs": "// new\n"})),
    "lose the checkout": ("clone", lose_checkout),
    "lose the sibling": ("clone", lose_sibling),
    "attributes": ("keep", git_attributes),
    "exclude a new file": ("keep", ignore),
    "exclude no longer": ("build", no_longer_ignored),
    "a person's excludes": ("build", person_ignores),
    "an ignored file": ("keep", write("src/a.log")),
    "touch": ("keep", lambda setup: os.utime(setup.tree / "src/bin/app.rs")),
    "branch": ("keep", lambda setup: git_repos.git(setup.tree, "checkout", "--quiet", "-b", "same-commit")),
    "detach": ("keep", lambda setup: git_repos.git(setup.tree, "checkout", "--quiet", "--detach")),
    "stash": ("keep", stash),
    "pack refs": ("keep", pack),
    "cargo's mark goes": ("keep", unmark),
    "a flat checkout no longer counts": ("build", flat_to_nested),
    "config of the root": ("keep", configure_root),
    "another coderoot": ("build", move_coderoot),
    "chmod a program": ("keep", chmod_program),
    "damage a program": ("build", break_program),
    "lose a link": ("build", lambda setup: (setup.world.root.path / "bin" / "app").unlink()),
    "damage the manifest": ("error", break_manifest),
    "git is gone": ("error", no_git),
    "damage the index": ("error", damage_index),
    "work left unfinished": ("keep", lambda setup: (setup.world.root.staging / "x").mkdir()),
    "another generation": ("build", lambda setup: setup.world.ok("uninstall", "app")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_answer_is_the_one_without_a_receipt(name: str, setup: Setup) -> None:
    """Nothing is recalled; what is done is what `explain`, which reads no receipt, says of the same moment."""
    expected, change = CHANGES[name]
    assert setup.recalled()
    change(setup)
    document = setup.world.run("explain", "app", "--mode", "source", "--json")
    explained = document.document["decisions"][0]["decision"] if document.code == 0 else "error"
    assert explained == ("build" if expected == "clone" else expected), document.err
    done = setup.install()
    assert not recalled(done)
    assert done.code == (document.code if expected == "error" else 0), done.err
    assert ("built and verified" in done.err) is (expected == "build")


def test_the_receipt_is_of_the_whole_answer(setup: Setup) -> None:
    """What is recalled is word for word what was answered; a receipt of the new state is left after a change."""
    again = setup.install()
    setup.receipt.unlink()
    complete = setup.install()
    assert not recalled(complete)
    assert again.out == complete.out
    edit(setup)
    assert not recalled(setup.install())
    assert until(setup.recalled)
    assert "+dirty is up to date with its checkout" in setup.install().out


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_what_is_recalled_is_what_was_printed(setup: Setup, words: tuple[str, ...]) -> None:
    setup.receipt.unlink()
    complete, again = setup.install(*words), setup.install(*words)
    assert (recalled(complete), recalled(again)) == (False, True)
    assert again.out == complete.out


def test_half_a_receipt_is_none(setup: Setup) -> None:
    """What a machine that lost its power left of it must not be a receipt of less."""
    fields = setup.receipt.read_bytes().split(b"\0")
    for count in (1, 2, len(fields) // 2, len(fields) - 1):
        setup.receipt.write_bytes(b"\0".join(fields[:count]))
        assert not setup.recalled()
        setup.receipt.write_bytes(b"\0".join([*fields[:count], *[b""] * (len(fields) - count)]))
        assert not setup.recalled()
    setup.receipt.write_bytes(b"\0".join(fields))
    assert setup.recalled()


@pytest.mark.parametrize("words", [("--update",), ("--ref", "main"), ("--restart",), ("--dry-run",), ("-v",)])
def test_other_questions_leave_none(setup: Setup, words: tuple[str, ...]) -> None:
    setup.receipt.unlink()
    for _ in range(2):
        assert not recalled(setup.install(*words))
    assert not setup.receipt.exists()


def test_auto_leaves_none(setup: Setup) -> None:
    """It asks the forge."""
    setup.receipt.unlink()
    setup.world.ok("install", "app")
    assert not setup.receipt.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".git/config", "[include]\n\tpath = more\n"),
        (".git/config", "[core]\n\tworktree = ..\n"),
        (".git/config", '[core]\n\texcludesFile = "~/a b"\n'),
    ],
    ids=["include", "worktree", "quoted"],
)
def test_where_git_reads_what_is_not_looked_at_there_is_none(setup: Setup, name: str, text: str) -> None:
    setup.receipt.unlink()
    path = setup.tree / name
    path.write_text(path.read_text() + text.replace("..", str(setup.tree)))
    for _ in range(3):
        assert not recalled(setup.install())
    assert not setup.receipt.exists()


def test_what_is_being_written_is_not_trusted(setup: Setup) -> None:
    """A write during the decision may come before or after it: nothing is cached until the files are settled."""
    setup.receipt.unlink()
    recipe = setup.world.recipes / "app.py"
    recipe.write_text(f"{recipe.read_text()}\nfrom pathlib import Path\nPath({str(setup.tree / 'a.log')!r}).touch()\n")
    setup.world.ok(*SOURCE)
    for _ in range(3):
        assert not recalled(setup.install())
    assert not setup.receipt.exists()


def test_tokens_and_what_git_sets_for_hooks_ask_nothing_else() -> None:
    """They are taken out of the environment before the receipt is written, and not before it is read."""
    assert {*SECRETS, *GIT_LOCAL} <= set(IGNORED_VARIABLES)


def test_a_token_is_not_in_it(setup: Setup) -> None:
    setup.patch.setenv("FORGEJO_TOKEN", "hush-hush")
    setup.patch.setenv("A_SECRET", "hush-too")
    setup.receipt.unlink()
    assert until(setup.recalled)
    assert b"hush" not in setup.receipt.read_bytes()
