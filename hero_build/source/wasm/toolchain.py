"""The WebAssembly toolchain: which tools this machine has, whether they work, and the commands that install them.

`detect_tools` reports the Rust target wasm32, wasm-bindgen, wasm-opt and wasm-pack; nothing is installed from here.
`self_test` compiles a small module once for each version and file of wasm-opt: Binaryen 108 exports the wrong table
of a module with two, and every module of wasm-bindgen has two.
"""

import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, MachineError, MissingTool, ToolFailed
from hero_build.model.installed import Backend
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.source.cargo import toolchain
from hero_build.source.wasm import TARGET
from hero_build.system import process
from hero_build.system.decoding import convert
from hero_build.system.file_cache import cached, file_stamp

_VERSION = re.compile(r"(?<=\s)\d[\w.+-]*")
_WASM_OPT_HINT = "`cargo install wasm-opt --locked`, or your system's binaryen package (not 108, which breaks modules)"
_WASM_PACK_HINT = "`cargo install wasm-pack --locked`"


class Tool(Struct, frozen=True):
    """A tool: its version or place (empty: missing), and its problem (empty: none).

    `install`: the command that fixes the problem, in backticks.
    """

    name: str
    version: str
    problem: str = ""
    install: str = ""


class _LockedPackage(Struct, frozen=True):
    name: str
    version: str


class _LockFile(Struct, frozen=True):
    """Cargo.lock (The Cargo Book, Cargo.toml vs Cargo.lock): the fields that hero-build reads."""

    package: tuple[_LockedPackage, ...]


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env`, so that rustup installs no toolchain by itself."""
    return {**env, "RUSTUP_AUTO_INSTALL": "0"}


def detect_tools(
    folder: Path,
    bindgen: str | None,
    env: Mapping[str, str],
    cache: Path,
    backend: Backend,
    *,
    optimise: bool = True,
) -> tuple[Tool, ...]:
    """Each tool that `backend` needs for a tree in `folder`, which may select a Rust toolchain of its own.

    bindgen: the required version of wasm-bindgen (None: any). cache: hero-build's cache folder, which keeps versions
    and the result of the self-test while a tool's file stays the same. optimise: include wasm-opt.
    """
    memory = cache / "wasm-tools.json"
    tools = [_find_target(folder, env, cache), _check_wasm_bindgen(_find_tool("wasm-bindgen", env, memory), bindgen)]
    if optimise:
        tools.append(_self_tested(_find_tool("wasm-opt", env=env, memory=memory, install=_WASM_OPT_HINT), env, memory))
    if backend == "wasm-pack":
        tools.append(_find_tool("wasm-pack", env=env, memory=memory, install=_WASM_PACK_HINT))
    return tuple(tools)


def require_tools(tools: Sequence[Tool]) -> None:
    """Raises MissingTool, one error for all tools with a problem, whose hint has the install commands."""
    faulty = [tool for tool in tools if tool.problem]
    if faulty:
        problems = "; ".join(tool.problem for tool in faulty)
        hint = f"Install what is missing: {'; '.join(tool.install for tool in faulty)}."
        raise MissingTool(f"bundles cannot be built here: {problems}", hint)


def locked_wasm_bindgen(folder: Path) -> str:
    """The version of wasm-bindgen in `<folder>/Cargo.lock`. Raises BuildError where the file does not have one."""
    path = folder / "Cargo.lock"
    try:
        lock = convert(tomllib.loads(path.read_text(encoding="utf-8")), kind=_LockFile)
    except FileNotFoundError:
        hint = f"Run `cargo generate-lockfile` in {folder}, review the file, and commit it."
        raise BuildError(f"{folder} has no Cargo.lock, which names the version of wasm-bindgen", hint) from None
    except (OSError, ValueError) as error:
        raise_for_machine(error, path)
        raise BuildError(f"{path} cannot be read: {error}", "Restore it with git.") from error
    versions = [package.version for package in lock.package if package.name == "wasm-bindgen"]
    if not versions:
        raise BuildError(f"no crate of {folder} uses wasm-bindgen: {path} does not list it", "Is it the right branch?")
    return versions[0]


def _find_target(folder: Path, env: Mapping[str, str], cache: Path) -> Tool:
    """The standard library for wasm32 of the toolchain that the tree selects (rustup reads its rust-toolchain)."""
    add = f"`rustup target add {TARGET}` in {folder}, or your system's package of Rust's library for it"
    arguments = ("--print", "target-libdir", f"--target={TARGET}")
    try:
        library = toolchain.query_rustc(arguments, folder=folder, env=env, cache=cache)
    except MachineError as error:
        return Tool(TARGET, version="", problem=error.message, install=error.hint.rstrip("."))
    if any(Path(library).glob("libcore-*.rlib")):
        return Tool(TARGET, library)
    return Tool(TARGET, version="", problem=f"Rust's {TARGET} target is not installed", install=add)


def _check_wasm_bindgen(tool: Tool, required: str | None) -> Tool:
    install = f"`cargo install wasm-bindgen-cli --locked{f' --version {required}' if required else ''}`"
    problem = tool.problem
    if not problem and required is not None and tool.version != required:
        problem = f"wasm-bindgen is {tool.version}, but Cargo.lock has {required}"
    return Tool(tool.name, version=tool.version, problem=problem, install=install)


def _self_tested(tool: Tool, env: Mapping[str, str], memory: Path) -> Tool:
    """wasm-opt with the problem that its self-test finds, if any."""
    if tool.problem:
        return tool
    program = process.find(tool.name, env)
    key = f"self-test {SELF_TEST_VERSION} {tool.version} {program} {file_stamp(program)}"
    failure = cached(memory, key, lambda: self_test(program, env))
    problem = f"wasm-opt {tool.version} {failure}" if failure else ""
    return Tool(tool.name, version=tool.version, problem=problem, install=tool.install)


def _find_tool(name: str, env: Mapping[str, str], memory: Path, install: str = "") -> Tool:
    try:
        program = process.find(name, env)
        version = cached(memory, f"version {program} {file_stamp(program)}", _version_query(program, env))
    except MachineError as error:
        return Tool(name, version="", problem=error.message, install=install)
    return Tool(name, version=version, problem="", install=install)


def _version_query(program: Path, env: Mapping[str, str]) -> Callable[[], str]:
    def query() -> str:
        output = process.capture((program, "--version"), cwd=Path("/"), env=env)
        if (version := _VERSION.search(output)) is None:
            raise ToolFailed(f"{program} --version prints no version: {output[:80]!r}", "Reinstall it.")
        return version[0]

    return query


SELF_TEST_VERSION = "1"  # goes up when the test changes
_EXTERNREF = 0x6F  # the type of wasm-bindgen's table (WebAssembly specification, Binary Format: Types)
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
    with tempfile.TemporaryDirectory(prefix="hero-build-") as folder, machine_errors(Path(folder)):
        source, optimised = Path(folder) / "in.wasm", Path(folder) / "out.wasm"
        source.write_bytes(_MODULE)
        command = (program, source, "-o", optimised, "-O", "--enable-reference-types")
        try:
            result = process.run(command, cwd=source.parent, env=env)
        except ToolFailed as error:
            return error.message
        if result.code:
            last = result.tail[-1] if result.tail else "no reason given"
            return f"ends with {result.code} for a small module: {last}"
        return _check_output(optimised.read_bytes() if optimised.is_file() else b"")


def _check_output(raw: bytes) -> str:
    try:
        sections = dict(_sections(raw))
        tables, exports = list(_table_types(sections.get(4, b""))), dict(_exports(sections.get(7, b"")))
        kind, index = exports["t"]
        if exports["f"][0] == _FUNCTION and kind == _TABLE and tables[index] == _EXTERNREF:
            return ""
    except (IndexError, KeyError, ValueError):
        pass
    return "breaks modules while it reports success: it exports the wrong table"


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
