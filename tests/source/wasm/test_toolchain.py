"""Nothing is built before the whole toolchain is installed and works; all problems are one error."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import BuildError, MissingTool
from hero_build.model.artifacts import Cargo
from hero_build.model.installed import Fingerprint
from hero_build.model.steps import CargoJob, Tree
from hero_build.source.wasm import plan, toolchain
from hero_build.source.wasm.types import TARGET, Backend
from support import island_workspace
from support.spies import calls, record_calls, stand_in
from support.wasm_toolchain import WASM_BINDGEN

pytestmark = pytest.mark.timeout(1800)
TOOLS = ("wasm-bindgen", "wasm-opt", "wasm-pack")
JOB = CargoJob(Tree(Path("/tree"), "c", False), Cargo(), (), backend="direct")
# What Binaryen 108 makes of the module of the self-test: both tables are exported as the first.
BY_108 = "0061736d010000000105016000017f03020100040802700101016f0002070d030173010001740100016600000a06010400412a0b"

HEX = f"{sys.executable} -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'"


def look(
    folder: Path, cache: Path, expected: str | None = WASM_BINDGEN, backend: Backend = "direct"
) -> list[toolchain.Tool]:
    return list(toolchain.detect_tools(folder, bindgen=expected, env=dict(os.environ), cache=cache, backend=backend))


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leaves nothing on PATH but cargo, rustc and the tools that are named."""

    def leave(*names: str) -> None:
        folder = tmp_path / "path"
        folder.mkdir()
        for name in ("cargo", "rustc", *names):
            (folder / name).symlink_to(str(shutil.which(name)))
        monkeypatch.setenv("PATH", str(folder))

    return leave


def test_a_complete_toolchain(tmp_path: Path) -> None:
    tools = look(tmp_path, tmp_path / "cache", backend="wasm-pack")
    assert [tool.name for tool in tools] == [TARGET, *TOOLS]
    assert [tool.problem for tool in tools] == ["", "", "", ""]
    assert tools[1].version == WASM_BINDGEN
    toolchain.require_tools(tools)


def test_wasm_pack_is_for_its_backend_alone(tmp_path: Path) -> None:
    assert [tool.name for tool in look(tmp_path, tmp_path)] == [TARGET, "wasm-bindgen", "wasm-opt"]


@pytest.mark.parametrize("missing", TOOLS)
def test_a_missing_tool(missing: str, tmp_path: Path, only: Callable[..., None]) -> None:
    only(*(name for name in TOOLS if name != missing))
    with pytest.raises(MissingTool, match=f"{missing} is not on this machine") as caught:
        toolchain.require_tools(look(tmp_path, tmp_path / "cache", backend="wasm-pack"))
    assert caught.value.code == 8
    package = "wasm-bindgen-cli" if missing == "wasm-bindgen" else missing
    assert f"`cargo install {package} --locked" in caught.value.hint
    assert caught.value.hint.count("cargo install") == 1


def test_all_missing_tools_are_one_error(tmp_path: Path, only: Callable[..., None]) -> None:
    only()
    with pytest.raises(MissingTool) as caught:
        toolchain.require_tools(look(tmp_path, tmp_path / "cache", backend="wasm-pack"))
    assert all(name in caught.value.message for name in TOOLS)
    assert f"`cargo install wasm-bindgen-cli --locked --version {WASM_BINDGEN}`" in caught.value.hint
    assert "`cargo install wasm-opt --locked`" in caught.value.hint
    assert "`cargo install wasm-pack --locked`" in caught.value.hint


def test_the_target_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toolchain prints the folder of the library even if that does not exist."""
    script = f'case "$*" in *libdir*) echo {shlex.quote(str(tmp_path))};; *) echo rustc 1.0.0;; esac'
    monkeypatch.setenv("RUSTC", str(stand_in(tmp_path / "path", name="rustc", script=script, monkeypatch=monkeypatch)))
    with pytest.raises(MissingTool, match="wasm32-unknown-unknown target is not installed") as caught:
        toolchain.require_tools(look(tmp_path, tmp_path / "cache"))
    assert f"`rustup target add {TARGET}`" in caught.value.hint


def test_a_toolchain_that_rustup_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "error: toolchain '1.70.0-x86_64-unknown-linux-gnu' is not installed"
    stand_in(tmp_path / "path", name="rustc", script=f'echo "{message}" >&2; exit 1', monkeypatch=monkeypatch)
    with pytest.raises(MissingTool) as caught:
        toolchain.require_tools(look(tmp_path, tmp_path / "cache"))
    assert "rustup toolchain install 1.70.0" in caught.value.hint


def test_rustup_installs_nothing_by_itself(tmp_path: Path) -> None:
    assert toolchain.environment({"PATH": "/bin"}) == {"PATH": "/bin", "RUSTUP_AUTO_INSTALL": "0"}


def test_a_wasm_bindgen_of_another_version(tmp_path: Path) -> None:
    """Its error comes before cargo starts: the tree has no more than a lock file."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/Cargo.lock").write_text('[[package]]\nname = "wasm-bindgen"\nversion = "0.2.77"\n')
    site = island_workspace.IslandWorkspace(tmp_path / "tree", tmp_path / "cache")
    with pytest.raises(MissingTool, match=f"wasm-bindgen is {WASM_BINDGEN}, but Cargo.lock has 0.2.77") as caught:
        site.build(tmp_path / "out")
    assert "`cargo install wasm-bindgen-cli --locked --version 0.2.77`" in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        (None, "has no Cargo.lock"),
        ("", "cannot be read"),
        ("[[package]", "cannot be read"),
        ("package = 3", "cannot be read"),
        ("[[package]]\nname = 'syn'\nversion = '1.0.0'\n", "uses wasm-bindgen"),
    ],
)
def test_a_lock_file_without_a_version_of_wasm_bindgen(lock: str | None, says: str, tmp_path: Path) -> None:
    if lock is not None:
        (tmp_path / "Cargo.lock").write_text(lock)
    with pytest.raises(BuildError, match=says) as caught:
        island_workspace.IslandWorkspace(tmp_path, tmp_path / "cache").build(tmp_path / "out")
    assert caught.value.hint


def test_versions_are_queried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [record_calls(tmp_path / "path", name, monkeypatch) for name in ("rustc", *TOOLS)]
    first = look(tmp_path, tmp_path / "cache", backend="wasm-pack")
    before = [len(calls(note)) for note in notes]
    assert before == [1, 1, 2, 1]
    assert look(tmp_path, tmp_path / "cache", backend="wasm-pack") == first
    assert [len(calls(note)) for note in notes] == before


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f'echo {BY_108} | {HEX} >"$3"', "breaks modules while it reports success"),
        ("exit 0", "breaks modules while it reports success"),
        ('echo hello >"$3"', "breaks modules while it reports success"),
        ("echo 'Fatal: no' >&2; exit 3", "ends with 3 for a small module: Fatal: no"),
    ],
    ids=("108", "nothing", "garbage", "fails"),
)
def test_a_wasm_opt_that_breaks_modules(
    script: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is detected before anything is built, and again by the next command."""
    lies = f'test "$1" = --version && echo "wasm-opt version 108" && exit 0\n{script}'
    stand_in(tmp_path / "path", name="wasm-opt", script=lies, monkeypatch=monkeypatch)
    for _ in range(2):
        with pytest.raises(MissingTool) as caught:
            toolchain.require_tools(look(tmp_path, tmp_path / "cache"))
        assert f"wasm-opt 108 {says}" in caught.value.message
        assert "cargo install wasm-opt" in caught.value.hint


def test_another_wasm_opt_of_the_same_version_is_tested_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        tmp_path / "path",
        name="wasm-opt",
        script='test "$1" = --version && echo "version 108"; exit 0',
        monkeypatch=monkeypatch,
    )
    assert look(tmp_path, tmp_path / "cache")[2].problem
    (tmp_path / "path/wasm-opt").unlink()
    assert look(tmp_path, tmp_path / "cache")[2].problem == ""


def test_a_tool_that_prints_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path / "path", name="wasm-bindgen", script="echo '\033[31mhello'", monkeypatch=monkeypatch)
    assert "prints no version" in look(tmp_path, tmp_path / "cache")[1].problem


def test_a_fingerprint_distinguishes_tools(tmp_path: Path) -> None:
    """Another wasm-opt or backend causes a rebuild; the paths of the tools do not count."""
    plain = Fingerprint((("commit", "c"),))
    tools = look(tmp_path, tmp_path / "cache")
    other = [*tools[:2], toolchain.Tool("wasm-opt", "999")]
    moved = [toolchain.Tool(TARGET, "/elsewhere"), *tools[1:]]
    mark = plan.with_bundle_tools(plain, tools, JOB)
    assert dict(mark.parts)["commit"] == "c"
    assert plan.with_bundle_tools(plain, moved, JOB) == mark
    assert plan.with_bundle_tools(plain, other, JOB).changed(mark) == ("bundles",)
    assert plan.with_bundle_tools(plain, tools, replace(JOB, backend="wasm-pack")).changed(mark) == ("bundles",)
    assert plan.with_bundle_tools(plain, tools, replace(JOB, optimise=False)).changed(mark) == ("bundles",)
