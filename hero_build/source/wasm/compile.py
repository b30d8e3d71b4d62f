"""One `cargo build` for a group of crates: the module of each as soon as it exists, or why it failed to compile."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, HeroBuildError
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo.errors import cargo_error, ended_by_signal, machine_error
from hero_build.source.cargo.messages import CargoMessage, CargoMessages, Progress
from hero_build.source.cargo.target_folder import OPTION, named_by_recipe
from hero_build.source.wasm.features import feature_arguments
from hero_build.source.wasm.types import TARGET, Crate, FailedBundle
from hero_build.system import process

OnModule = Callable[[Crate, Path], None]
"""Called for each compiled module, while cargo compiles the others."""


class CargoInvocation(Struct, frozen=True):
    """What the cargo calls of a build have in common. `folder`: the workspace; `logs`: a folder.

    `progress` and `cancelled` are those of BuildWatch. crates: called at the end of each, with cargo's messages of all
    crates and when it was started.
    """

    folder: Path
    cargo: Cargo
    env: Mapping[str, str]
    logs: Path
    progress: Progress
    cancelled: Callable[[], bool]
    crates: Callable[[Sequence[CargoMessage], int], None]


def compile_group(
    group: Sequence[Crate], number: int, call: CargoInvocation, on_module: OnModule
) -> tuple[FailedBundle, ...]:
    """Compile the crates of one group (the `number`th of the build); returns those that fail to compile.

    Raises errors that concern all of them: BuildError when cargo fails before it compiles; MissingTool, DiskFull,
    process.Cancelled.
    """
    messages = _GroupMessages(group, on_module, call.progress)
    log = call.logs / f"cargo-{number}.log"
    watch = process.OutputWatch(messages.line, on_stdout=messages.message, log=log, cancelled=call.cancelled)
    started = time.time_ns()
    env = dict(call.env)
    # An argument, because sccache puts every variable that begins with CARGO_ into its cache keys.
    target = f"{OPTION}={env.pop('CARGO_TARGET_DIR')}" if env.get("CARGO_TARGET_DIR") else ""
    words = (*command(group, call), *((target,) if target and not named_by_recipe(call.cargo.args) else ()))
    result = process.run(words, cwd=group[0].base, env=env, watch=watch)
    call.crates(messages.crates, started)
    failed = [crate for crate in group if crate.id not in messages.compiled]
    if not failed:
        return ()
    tail = (*messages.errors(), *result.tail)[-process.TAIL :]
    if not messages.started or machine_error(tail) is not None:
        what = "cargo could not build the bundles"
        raise cargo_error(what, tail=tail, folder=call.folder, log=log, code=result.code)
    return tuple(
        FailedBundle(crate.name, _compile_error(crate, messages=messages, output=result.tail, call=call))
        for crate in failed
    )


def command(group: Sequence[Crate], call: CargoInvocation) -> tuple[str, ...]:
    words = ["cargo", "build", "--lib", "--release", f"--target={TARGET}", "--locked", "--keep-going"]
    packages = (f"--package={crate.spec}" for crate in group)
    words += ["--message-format=json", *feature_arguments(call.cargo), *packages]
    return (*words, *call.cargo.args)


def _compile_error(
    crate: Crate, messages: "_GroupMessages", output: Sequence[str], call: CargoInvocation
) -> HeroBuildError:
    """From the crate's own compile errors; without any, from those of its dependencies and cargo's own output."""
    lines = messages.errors_by_package.get(crate.id) or (*messages.errors(), *output)
    log = call.logs / f"{crate.name}.log"
    log.write_text("\n".join((*lines, "")), encoding="utf-8", errors="surrogateescape")
    first = next((line for line in lines if line.startswith("error")), "cargo gives no reason")
    by_hand = f"cargo build --release --lib --target {TARGET} -p {crate.package}"
    hint = f"Run `{by_hand}` in {crate.base} to see the error alone."
    if ended := ended_by_signal(lines):
        first, hint = f"{first}; {ended.reason}", ended.hint or hint
    return BuildError(f"{crate.name} does not compile: {first}", hint, tail=tuple(lines[-process.TAIL :]), log=log)


class _GroupMessages(CargoMessages):
    """The messages of a running cargo. `started`: cargo compiles; `compiled`: package ids of the modules."""

    def __init__(self, group: Sequence[Crate], on_module: OnModule, progress: Progress) -> None:
        super().__init__(progress)
        self.started = False
        self.compiled: set[str] = set()
        self.errors_by_package: dict[str, list[str]] = {}
        self._crates = {crate.id: crate for crate in group}
        self._on_module = on_module

    def errors(self) -> tuple[str, ...]:
        """The lines of all compile errors."""
        return tuple(line for lines in self.errors_by_package.values() for line in lines)

    def crate_done(self, message: CargoMessage) -> None:
        self.started = True
        crate = self._crates.get(message.package_id)
        if crate is None or crate.id in self.compiled or "cdylib" not in message.target.kind:
            return
        if path := next((name for name in message.filenames if name.endswith(".wasm")), None):
            self.compiled.add(crate.id)
            self._on_module(crate, Path(path))

    def other(self, message: CargoMessage) -> None:
        self.started = True
        diagnostic = message.message
        if diagnostic is not None and diagnostic.level.startswith("error"):
            lines = (diagnostic.rendered or "").splitlines()
            self.errors_by_package.setdefault(message.package_id, []).extend(lines)
