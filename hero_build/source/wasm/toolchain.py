"""The toolchain for WebAssembly: what of it is on this machine, and the commands that install the rest.

Nothing is installed from here, and nothing runs without being asked for: `doctor` prints the same values.
"""

import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, MachineError, MissingTool, ToolFailed, machine_errors
from hero_build.model.installed import Backend
from hero_build.source.cargo import toolchain
from hero_build.source.wasm import TARGET
from hero_build.system import process
from hero_build.system.file_cache import cached, file_stamp

_VERSION = re.compile(r"(?<=\s)\d[\w.+-]*")
_WASM_OPT_HINT = (
    "`cargo install wasm-opt --locked`, or binaryen by your system's packages (not 108, which breaks modules)"
)
_WASM_PACK_HINT = "`cargo install wasm-pack --locked`"


class Tool(Struct, frozen=True):
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


def detect_tools(
    folder: Path, wanted: str | None, env: Mapping[str, str], cache: Path, backend: Backend, *, optimise: bool = True
) -> tuple[Tool, ...]:
    """Each tool that `backend` needs for a tree in `folder`, which may choose a Rust toolchain of its own.

    wanted: the version of wasm-bindgen (None: any). cache: a folder; versions are asked once for each state of a file.
    optimise: with wasm-opt.
    """
    memory = cache / "wasm-tools.json"
    found = [_find_target(folder, env, cache), _check_wasm_bindgen(_find_tool("wasm-bindgen", env, memory), wanted)]
    if optimise:
        found.append(_self_tested(_find_tool("wasm-opt", env=env, memory=memory, install=_WASM_OPT_HINT), env, memory))
    if backend == "wasm-pack":
        found.append(_find_tool("wasm-pack", env=env, memory=memory, install=_WASM_PACK_HINT))
    return tuple(found)


def require_tools(context: Sequence[Tool]) -> None:
    """Raises MissingTool, one for all that is amiss, with the commands that mend it."""
    amiss = [tool for tool in context if tool.problem]
    if amiss:
        sentence = "; ".join(tool.problem for tool in amiss)
        raise MissingTool(f"bundles cannot be built here: {sentence}", _hint([tool.install for tool in amiss]))


def locked_wasm_bindgen(folder: Path) -> str:
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


def _find_target(folder: Path, env: Mapping[str, str], cache: Path) -> Tool:
    """The standard library for wasm32, of the toolchain that the tree chooses (rustup reads its rust-toolchain)."""
    add = f"`rustup target add {TARGET}` in {folder}, or Rust's library for it by your system's packages"
    try:
        told = toolchain.query_rustc(
            ("--print", "target-libdir", f"--target={TARGET}"), folder=folder, env=env, cache=cache
        )
    except MachineError as error:
        return Tool(TARGET, found="", problem=error.message, install=error.hint.rstrip("."))
    if any(Path(told).glob("libcore-*.rlib")):
        return Tool(TARGET, told)
    return Tool(TARGET, found="", problem=f"Rust's {TARGET} target is not installed", install=add)


def _check_wasm_bindgen(tool: Tool, wanted: str | None) -> Tool:
    install = f"`cargo install wasm-bindgen-cli --locked{f' --version {wanted}' if wanted else ''}`"
    problem = tool.problem
    if not problem and wanted is not None and tool.found != wanted:
        problem = f"wasm-bindgen is {tool.found}, and Cargo.lock has {wanted}"
    return Tool(tool.name, found=tool.found, problem=problem, install=install)


def _self_tested(tool: Tool, env: Mapping[str, str], memory: Path) -> Tool:
    """wasm-opt, tested once for each version and file."""
    if tool.problem:
        return tool
    program = process.find(tool.name, env)
    key = f"self-test {SELF_TEST_VERSION} {tool.found} {program} {file_stamp(program)}"
    failure = cached(memory, key, lambda: self_test(program, env))
    problem = f"wasm-opt {tool.found} {failure}" if failure else ""
    return Tool(tool.name, found=tool.found, problem=problem, install=tool.install)


def _find_tool(name: str, env: Mapping[str, str], memory: Path, install: str = "") -> Tool:
    try:
        program = process.find(name, env)
        version = cached(memory, f"version {program} {file_stamp(program)}", _version_query(program, env))
    except MachineError as error:
        return Tool(name, found="", problem=error.message, install=install)
    return Tool(name, found=version, problem="", install=install)


def _version_query(program: Path, env: Mapping[str, str]) -> Callable[[], str]:
    def ask() -> str:
        said = process.capture((program, "--version"), cwd=Path("/"), env=env)
        if (found := _VERSION.search(said)) is None:
            raise ToolFailed(f"{program} does not tell its version: {said[:80]!r}", "Install it anew.")
        return found[0]

    return ask


SELF_TEST_VERSION = "1"  # goes up when the test changes
_EXTERNREF = 0x6F  # externref, the type of wasm-bindgen's table (WebAssembly specification, Binary Format: Types)
_FUNCTION, _TABLE = 0, 1
_MODULE = bytes.fromhex(
    "0061736d 01000000"  # magic, version
    "01 05 01 60 00 01 7f"  # one type: () -> i32
    "03 02 01 00"  # one function of it
    "04 08 02 70 01 01 01 6f 00 02"  # two tables: funcref 1 1, externref 2
    "07 0d 03 01 73 01 00 01 74 01 01 01 66 00 00"  # "s" is table 0, "t" is table 1, "f" is function 0
    "0a 06 01 04 00 41 2a 0b"  # return 42
)


def self_test(program: Path, env: Mapping[str, str]) -> str:
    """What is wrong with this wasm-opt, as the rest of a sentence; empty: nothing. Raises MachineError."""
    with tempfile.TemporaryDirectory(prefix="hero-build-") as place, machine_errors(Path(place)):
        source, made = Path(place) / "in.wasm", Path(place) / "out.wasm"
        source.write_bytes(_MODULE)
        command = (program, source, "-o", made, "-O", "--enable-reference-types")
        try:
            done = process.run(command, cwd=source.parent, env=env)
        except ToolFailed as error:
            return error.message
        if done.code:
            return f"ends with {done.code} for a small module: {done.tail[-1] if done.tail else 'it does not say why'}"
        return _check_output(made.read_bytes() if made.is_file() else b"")


def _check_output(raw: bytes) -> str:
    try:
        sections = dict(_sections(raw))
        tables, exports = list(_table_types(sections.get(4, b""))), dict(_exports(sections.get(7, b"")))
        if (
            exports.get("f", (None,))[0] == _FUNCTION
            and tables[exports["t"][1]] == _EXTERNREF
            and exports["t"][0] == _TABLE
        ):
            return ""
    except (IndexError, KeyError, ValueError):
        pass
    return "breaks modules while it says that all is well: the wrong table is exported"


def _sections(raw: bytes) -> Iterator[tuple[int, bytes]]:
    if raw[:8] != _MODULE[:8]:
        raise ValueError("not a module")
    at = 8
    while at < len(raw):
        size, begin = _leb128(raw, at + 1)
        yield raw[at], raw[begin : begin + size]
        at = begin + size


def _table_types(body: bytes) -> Iterator[int]:
    """The type of the elements of each table."""
    count, at = _leb128(body, 0)
    for _ in range(count):
        yield body[at]
        limits, at = body[at + 1], at + 2
        for _ in range(1 + (limits & 1)):
            _, at = _leb128(body, at)


def _exports(body: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """Name, kind and index."""
    count, at = _leb128(body, 0)
    for _ in range(count):
        size, at = _leb128(body, at)
        name, kind = body[at : at + size].decode(), body[at + size]
        index, at = _leb128(body, at + size + 1)
        yield name, (kind, index)


def _leb128(raw: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = raw[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
