"""One `cargo build` for a group of crates: the module of each as soon as there is one, and why there is none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hero_build import process
from hero_build.artifact import Cargo
from hero_build.errors import BuildError, HeroBuildError
from hero_build.source.complaints import complaint, of_the_machine
from hero_build.source.heard import Heard, Message, Progress
from hero_build.source.wasm.features import switches
from hero_build.source.wasm.nouns import TARGET, Broken, Crate

Made = Callable[[Crate, Path], None]
"""Told of each module, while cargo goes on with the others."""


@dataclass(frozen=True, slots=True)
class Call:
    """What cargo is called with, and for whom. `folder`: the workspace; `logs`: a folder."""

    folder: Path
    cargo: Cargo
    env: Mapping[str, str]
    logs: Path
    progress: Progress
    cancelled: Callable[[], bool]


def compile_group(group: Sequence[Crate], number: int, call: Call, made: Made) -> tuple[Broken, ...]:
    """Compile the crates of one group (the `number`th of the build). Those that do not compile are returned.

    Raises what no crate is to blame for: BuildError when cargo did not begin; MissingTool, DiskFull, process.Cancelled.
    """
    heard = _Heard(group, made, call.progress)
    log = call.logs / f"cargo-{number}.log"
    watch = process.Watch(heard.line, heard.message, log, call.cancelled)
    done = process.run(command(group, call), cwd=group[0].base, env=call.env, watch=watch)
    lacking = [crate for crate in group if crate.id not in heard.made]
    if not lacking:
        return ()
    tail = (*heard.errors(), *done.tail)[-process.TAIL :]
    if not heard.began or of_the_machine(tail) is not None:
        raise complaint("cargo could not build the bundles", tail, call.folder, log)
    return tuple(Broken(crate.name, _broken(crate, heard, done.tail, call)) for crate in lacking)


def command(group: Sequence[Crate], call: Call) -> tuple[str, ...]:
    words = ["cargo", "build", "--lib", "--release", f"--target={TARGET}", "--locked", "--keep-going"]
    words += ["--message-format=json", *switches(call.cargo), *(f"--package={crate.spec}" for crate in group)]
    return (*words, *call.cargo.args)


def _broken(crate: Crate, heard: "_Heard", said: Sequence[str], call: Call) -> HeroBuildError:
    """Its own errors if it has some; else those of what it depends on, and what cargo itself says."""
    lines = heard.told.get(crate.id) or (*heard.errors(), *said)
    log = call.logs / f"{crate.name}.log"
    log.write_text("\n".join((*lines, "")), encoding="utf-8", errors="surrogateescape")
    first = next((line for line in lines if line.startswith("error")), "cargo does not say why")
    hint = (
        f"Run `cargo build --release --lib --target {TARGET} -p {crate.package}` in {crate.base} to see it by itself."
    )
    return BuildError(f"{crate.name} does not compile: {first}", hint, tail=tuple(lines[-process.TAIL :]), log=log)


class _Heard(Heard):
    """What the running cargo has told so far. `began`: it got as far as compiling; `told`: the errors, by package."""

    def __init__(self, group: Sequence[Crate], made: Made, progress: Progress) -> None:
        super().__init__(progress)
        self.began = False
        self.made: set[str] = set()
        self.told: dict[str, list[str]] = {}
        self._crates = {crate.id: crate for crate in group}
        self._tell_made = made

    def errors(self) -> tuple[str, ...]:
        return tuple(line for lines in self.told.values() for line in lines)

    def ended(self, told: Message) -> None:
        self.began = True
        crate = self._crates.get(told["package_id"])
        if crate is None or crate.id in self.made or "cdylib" not in told.get("target", {}).get("kind", ()):
            return
        if path := next((name for name in told["filenames"] if name.endswith(".wasm")), None):
            self.made.add(crate.id)
            self._tell_made(crate, Path(path))

    def other(self, told: Message) -> None:
        self.began = True
        if told["reason"] == "compiler-message" and told["message"]["level"].startswith("error"):
            self.told.setdefault(told["package_id"], []).extend((told["message"]["rendered"] or "").splitlines())
