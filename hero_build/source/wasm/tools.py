"""The toolchain for WebAssembly: what of it is on this machine, and the commands that install the rest.

Nothing is installed from here, and nothing runs without being asked for: `doctor` prints the same values.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hero_build import process
from hero_build.errors import BuildError, MachineError, MissingTool, ToolFailed
from hero_build.record import Backend
from hero_build.source import toolchain
from hero_build.source.memory import mark, remembered
from hero_build.source.wasm import TARGET, selftest

_VERSION = re.compile(r"(?<=\s)\d[\w.+-]*")
_OPT = "`cargo install wasm-opt --locked`, or binaryen by your system's packages (not 108, which breaks modules)"
_PACK = "`cargo install wasm-pack --locked`"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the toolchain: its version or place (empty: it is not there), and what is amiss (empty: nothing).

    `install`: the command that mends it, in backticks.
    """

    name: str
    found: str
    problem: str = ""
    install: str = ""


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` so that rustup fetches no toolchain by itself."""
    return {**env, "RUSTUP_AUTO_INSTALL": "0"}


def look(
    folder: Path, wanted: str | None, env: Mapping[str, str], cache: Path, backend: Backend, *, optimise: bool = True
) -> tuple[Tool, ...]:
    """Each tool that `backend` needs for a tree in `folder`, which may choose a Rust toolchain of its own.

    wanted: the version of wasm-bindgen (None: any). cache: a folder; versions are asked once for each state of a file.
    optimise: with wasm-opt.
    """
    memory = cache / "wasm-tools.json"
    found = [_target(folder, env, cache), _bindgen(_tool("wasm-bindgen", env, memory), wanted)]
    if optimise:
        found.append(_trusted(_tool("wasm-opt", env, memory, _OPT), env, memory))
    if backend == "wasm-pack":
        found.append(_tool("wasm-pack", env, memory, _PACK))
    return tuple(found)


def require(tools: Sequence[Tool]) -> None:
    """Raises MissingTool, one for all that is amiss, with the commands that mend it."""
    amiss = [tool for tool in tools if tool.problem]
    if amiss:
        sentence = "; ".join(tool.problem for tool in amiss)
        raise MissingTool(f"bundles cannot be built here: {sentence}", _hint([tool.install for tool in amiss]))


def wanted(folder: Path) -> str:
    """The version of wasm-bindgen in `<folder>/Cargo.lock`. Raises BuildError where it does not tell."""
    path = folder / "Cargo.lock"
    try:
        locked = tomllib.loads(path.read_text(encoding="utf-8"))
        found = [str(item["version"]) for item in locked["package"] if item["name"] == "wasm-bindgen"]
    except FileNotFoundError:
        hint = f"Run `cargo generate-lockfile` in {folder}, look at the file, and commit it."
        raise BuildError(f"{folder} has no Cargo.lock, which says which wasm-bindgen to use", hint) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(f"{path} cannot be read: {error}", "Restore it with git.") from error
    if not found:
        raise BuildError(f"no crate of {folder} uses wasm-bindgen: {path} does not have it", "Is it the right branch?")
    return found[0]


def _hint(commands: Sequence[str]) -> str:
    return f"Install what it takes: {'; '.join(commands)}."


def _target(folder: Path, env: Mapping[str, str], cache: Path) -> Tool:
    """The standard library for wasm32, of the toolchain that the tree chooses (rustup reads its rust-toolchain)."""
    add = f"`rustup target add {TARGET}` in {folder}, or Rust's library for it by your system's packages"
    try:
        told = toolchain.ask(("--print", "target-libdir", f"--target={TARGET}"), folder, env, cache)
    except MachineError as error:
        return Tool(TARGET, "", error.message, error.hint.rstrip("."))
    if any(Path(told).glob("libcore-*.rlib")):
        return Tool(TARGET, told)
    return Tool(TARGET, "", f"Rust's {TARGET} target is not installed", add)


def _bindgen(tool: Tool, wanted: str | None) -> Tool:
    install = f"`cargo install wasm-bindgen-cli --locked{f' --version {wanted}' if wanted else ''}`"
    problem = tool.problem
    if not problem and wanted is not None and tool.found != wanted:
        problem = f"wasm-bindgen is {tool.found}, and Cargo.lock has {wanted}"
    return Tool(tool.name, tool.found, problem, install)


def _trusted(tool: Tool, env: Mapping[str, str], memory: Path) -> Tool:
    """wasm-opt, tested once for each version and file."""
    if tool.problem:
        return tool
    program = process.find(tool.name, env)
    key = f"self-test {selftest.RULES} {tool.found} {program} {mark(program)}"
    fault = remembered(memory, key, lambda: selftest.fault(program, env))
    return Tool(tool.name, tool.found, f"wasm-opt {tool.found} {fault}" if fault else "", tool.install)


def _tool(name: str, env: Mapping[str, str], memory: Path, install: str = "") -> Tool:
    try:
        program = process.find(name, env)
        version = remembered(memory, f"version {program} {mark(program)}", _asking(program, env))
    except MachineError as error:
        return Tool(name, "", error.message, install)
    return Tool(name, version, "", install)


def _asking(program: Path, env: Mapping[str, str]) -> Callable[[], str]:
    def ask() -> str:
        said = process.capture((program, "--version"), cwd=Path("/"), env=env)
        if (found := _VERSION.search(said)) is None:
            raise ToolFailed(f"{program} does not tell its version: {said[:80]!r}", "Install it anew.")
        return found[0]

    return ask
