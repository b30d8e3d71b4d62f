"""One `cargo build` for a group of crates: the module of each as soon as there is one, and why there is none."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, HeroBuildError
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo.errors import cargo_error, machine_error
from hero_build.source.cargo.messages import CargoMessages, Message, Progress
from hero_build.source.wasm.features import feature_arguments
from hero_build.source.wasm.types import TARGET, Crate, FailedBundle
from hero_build.system import process

OnModule = Callable[[Crate, Path], None]
"""Told of each module, while cargo goes on with the others."""


class CargoInvocation(Struct, frozen=True):
    """What cargo is called with, and for whom. `folder`: the workspace; `logs`: a folder."""

    folder: Path
    cargo: Cargo
    env: Mapping[str, str]
    logs: Path
    progress: Progress
    cancelled: Callable[[], bool]


def compile_group(
    group: Sequence[Crate], number: int, call: CargoInvocation, made: OnModule
) -> tuple[FailedBundle, ...]:
    """Compile the crates of one group (the `number`th of the build). Those that do not compile are returned.

    Raises what no crate is to blame for: BuildError when cargo did not begin; MissingTool, DiskFull, process.Cancelled.
    """
    heard = _GroupMessages(group, made, call.progress)
    log = call.logs / f"cargo-{number}.log"
    watch = process.OutputWatch(heard.line, on_stdout=heard.message, log=log, cancelled=call.cancelled)
    done = process.run(command(group, call), cwd=group[0].base, env=call.env, watch=watch)
    lacking = [crate for crate in group if crate.id not in heard.made]
    if not lacking:
        return ()
    tail = (*heard.errors(), *done.tail)[-process.TAIL :]
    if not heard.began or machine_error(tail) is not None:
        raise cargo_error("cargo could not build the bundles", tail=tail, folder=call.folder, log=log)
    return tuple(
        FailedBundle(crate.name, _compile_error(crate, heard=heard, said=done.tail, call=call)) for crate in lacking
    )


def command(group: Sequence[Crate], call: CargoInvocation) -> tuple[str, ...]:
    words = ["cargo", "build", "--lib", "--release", f"--target={TARGET}", "--locked", "--keep-going"]
    words += ["--message-format=json", *feature_arguments(call.cargo), *(f"--package={crate.spec}" for crate in group)]
    return (*words, *call.cargo.args)


def _compile_error(crate: Crate, heard: "_GroupMessages", said: Sequence[str], call: CargoInvocation) -> HeroBuildError:
    """Its own errors if it has some; else those of what it depends on, and what cargo itself says."""
    lines = heard.told.get(crate.id) or (*heard.errors(), *said)
    log = call.logs / f"{crate.name}.log"
    log.write_text("\n".join((*lines, "")), encoding="utf-8", errors="surrogateescape")
    first = next((line for line in lines if line.startswith("error")), "cargo does not say why")
    hint = (
        f"Run `cargo build --release --lib --target {TARGET} -p {crate.package}` in {crate.base} to see it by itself."
    )
    return BuildError(f"{crate.name} does not compile: {first}", hint, tail=tuple(lines[-process.TAIL :]), log=log)


class _GroupMessages(CargoMessages):
    """What the running cargo has told so far. `began`: it got as far as compiling; `told`: the errors, by package."""

    def __init__(self, group: Sequence[Crate], made: OnModule, progress: Progress) -> None:
        super().__init__(progress)
        self.began = False
        self.made: set[str] = set()
        self.told: dict[str, list[str]] = {}
        self._crates = {crate.id: crate for crate in group}
        self._tell_made = made

    def errors(self) -> tuple[str, ...]:
        return tuple(line for lines in self.told.values() for line in lines)

    def ended(self, message: Message) -> None:
        self.began = True
        crate = self._crates.get(message["package_id"])
        if crate is None or crate.id in self.made or "cdylib" not in message.get("target", {}).get("kind", ()):
            return
        if path := next((name for name in message["filenames"] if name.endswith(".wasm")), None):
            self.made.add(crate.id)
            self._tell_made(crate, Path(path))

    def other(self, message: Message) -> None:
        self.began = True
        if message["reason"] == "compiler-message" and message["message"]["level"].startswith("error"):
            self.told.setdefault(message["package_id"], []).extend((message["message"]["rendered"] or "").splitlines())
