"""The other backend: the real wasm-pack, one crate after the other, told to install nothing.

It is the reference for the direct one, and the way out should that fail. (wasm-pack itself asks once a day whether
there is a newer wasm-pack; it has no switch against that.)
"""

from collections.abc import Sequence

from hero_build.errors import BuildError
from hero_build.source.cargo.errors import machine_error
from hero_build.source.cargo.messages import CargoMessages
from hero_build.source.wasm.compile import CargoInvocation
from hero_build.source.wasm.features import feature_arguments
from hero_build.source.wasm.finish import BundleFinisher
from hero_build.source.wasm.types import BuiltBundle, BundleResult, Crate, FailedBundle
from hero_build.system import process


def run_wasm_pack(crate: Crate, call: CargoInvocation, by: BundleFinisher) -> BundleResult:
    """Build one crate into a new folder of `by.place.out`. Raises MissingTool, DiskFull, process.Cancelled."""
    by.watch.stage(crate.name, "wasm-pack")
    log = by.place.logs / f"{crate.name}-wasm-pack.log"
    watch = process.OutputWatch(CargoMessages(call.progress).line, log=log, cancelled=call.cancelled)
    done = process.run(_command(crate, call, by), cwd=crate.base, env=call.env, watch=watch)
    if not done.code:
        by.watch.stage(crate.name, "built")
        made = BuiltBundle(crate.name, by.place.out / crate.name)
        by.watch.finished(made)
        return made
    if (fault := machine_error(done.tail)) is not None:
        raise fault
    by.watch.stage(crate.name, "broken")
    sentence = f"wasm-pack could not build {crate.name}: {_first_error(done.tail)}"
    return FailedBundle(crate.name, BuildError(sentence, f"The log says more: {log}", tail=done.tail, log=log))


def _command(crate: Crate, call: CargoInvocation, by: BundleFinisher) -> tuple[str, ...]:
    words = ("wasm-pack", "build", "--mode", "no-install", "--target", "web", "--release")
    plain = () if crate.optimise is not None else ("--no-opt",)
    extra = (*feature_arguments(call.cargo), *call.cargo.args)
    where = ("--out-dir", str(by.place.out / crate.name), str(crate.folder))
    return (*words, *plain, *where, *(("--", *extra) if extra else ()))


def _first_error(tail: Sequence[str]) -> str:
    errors = (line for line in tail if line.startswith(("error", "Error")))
    return next(errors, tail[-1] if tail else "it does not say why")
