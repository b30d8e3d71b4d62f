"""The backend `wasm-pack`: the real wasm-pack, one crate after the other, which installs nothing.

It is the reference for the direct backend, and the alternative should that fail. (wasm-pack itself asks once a day
for a newer version of itself, and has no option against that.)
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


def run_wasm_pack(crate: Crate, call: CargoInvocation, finisher: BundleFinisher) -> BundleResult:
    """Build one crate into a new folder of `finisher.folders.out`. Raises MissingTool, DiskFull, process.Cancelled."""
    finisher.watch.stage(crate.name, "wasm-pack")
    log = finisher.folders.logs / f"{crate.name}-wasm-pack.log"
    watch = process.OutputWatch(CargoMessages(call.progress).line, log=log, cancelled=call.cancelled)
    result = process.run(_command(crate, call, finisher), cwd=crate.base, env=call.env, watch=watch)
    if not result.code:
        finisher.watch.stage(crate.name, "built")
        bundle = BuiltBundle(crate.name, finisher.folders.out / crate.name)
        finisher.watch.finished(bundle)
        return bundle
    if (error := machine_error(result.tail)) is not None:
        raise error
    finisher.watch.stage(crate.name, "broken")
    sentence = f"wasm-pack could not build {crate.name}: {_first_error(result.tail)}"
    return FailedBundle(crate.name, BuildError(sentence, f"See the log: {log}", tail=result.tail, log=log))


def _command(crate: Crate, call: CargoInvocation, finisher: BundleFinisher) -> tuple[str, ...]:
    words = ("wasm-pack", "build", "--mode", "no-install", "--target", "web", "--release")
    no_opt = () if crate.optimise is not None else ("--no-opt",)
    extra = (*feature_arguments(call.cargo), *call.cargo.args)
    folders = ("--out-dir", str(finisher.folders.out / crate.name), str(crate.folder))
    return (*words, *no_opt, *folders, *(("--", *extra) if extra else ()))


def _first_error(tail: Sequence[str]) -> str:
    errors = (line for line in tail if line.startswith(("error", "Error")))
    return next(errors, tail[-1] if tail else "no reason given")
