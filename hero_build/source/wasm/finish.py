"""Makes a bundle of a module that cargo compiled, as wasm-pack does: wasm-bindgen, wasm-opt, package.json."""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, ToolFailed
from hero_build.os_errors import machine_errors
from hero_build.source.content_digest import content_digest
from hero_build.source.wasm import cache
from hero_build.source.wasm.npm_package import add_package_files, package_files
from hero_build.source.wasm.pool import Pool
from hero_build.source.wasm.types import (
    BuildFolders,
    BuildWatch,
    BuiltBundle,
    BundleResult,
    BundleStage,
    Crate,
    FailedBundle,
    InstalledBundles,
    UnchangedBundle,
)
from hero_build.system import process

_FORMAT_VERSION = "1"  # goes up when the calls change in a way that changes files
_ARGUMENTS = ("--typescript", "--target", "web")
_PACKAGE_PATHS = re.compile(rb"/[^\0-\x1f\"]{0,4096}?/package\.json")
_PACKAGE = b"/package.json"
_MAGIC = b"\0asm"


class BundleFinisher(Struct, frozen=True):
    """What the bundles of a build are finished with. versions: of wasm-bindgen and wasm-opt.

    installed: what is installed and intact; such a bundle is not written again.
    """

    folders: BuildFolders
    env: Mapping[str, str]
    versions: tuple[str, str]
    watch: BuildWatch
    workers: Pool
    installed: InstalledBundles


def finish(crate: Crate, module: Path, finisher: BundleFinisher) -> BundleResult:
    """The bundle of a compiled crate, in a new folder of `finisher.folders.out` unless it is what is installed.

    Raises MachineError, process.Cancelled.
    """
    dest = finisher.folders.out / crate.name
    with machine_errors(finisher.folders.out):
        raw = module.read_bytes()
        key = _cache_key(crate, raw, finisher.versions)
        if _is_installed(crate, key, finisher):
            finisher.watch.stage(crate.name, "unchanged")
            return UnchangedBundle(crate.name)
        stage: BundleStage = "unchanged"
        if not cache.restore(finisher.folders.bundles, key, dest):
            try:
                with finisher.workers.busy():
                    _build_into_cache(crate, raw=raw, key=key, finisher=finisher)
            except BuildError as error:
                finisher.watch.stage(crate.name, "broken")
                return FailedBundle(crate.name, error)
            stage = "built"
        add_package_files(crate, dest)
    finisher.watch.stage(crate.name, stage)
    bundle = BuiltBundle(crate.name, dest)
    finisher.watch.finished(bundle)
    return bundle


def _is_installed(crate: Crate, key: str, finisher: BundleFinisher) -> bool:
    """Whether the bundle would be what is installed, by the digests that the cache has and the files beside them."""
    installed = finisher.installed.get(crate.name)
    digests = cache.digests(finisher.folders.bundles, key) if installed else None
    if digests is None:
        return False
    try:
        added = package_files(crate, finisher.folders.bundles / key)
    except BuildError:  # of a damaged entry
        return False
    return installed == {**digests, **{name: sha256(content).hexdigest() for name, content in added.items()}}


def _build_into_cache(crate: Crate, raw: bytes, key: str, finisher: BundleFinisher) -> None:
    entries = finisher.folders.bundles
    with cache.new_entry(entries) as folder:
        bundle, module = folder / "bundle", folder / f"{crate.name}.wasm"
        module.write_bytes(raw)  # a copy: cargo may replace its own file at any time
        _run_wasm_bindgen(crate, module=module, bundle=bundle, finisher=finisher)
        _run_wasm_opt(crate, bundle / f"{crate.name}_bg.wasm", finisher)
        cache.store(entries, key, bundle)
    if not cache.restore(entries, key, finisher.folders.out / crate.name):
        raise ToolFailed(f"the new bundle {crate.name} is missing from {entries}", "Run the command again.")


def _run_wasm_bindgen(crate: Crate, module: Path, bundle: Path, finisher: BundleFinisher) -> None:
    finisher.watch.stage(crate.name, "wasm-bindgen")
    command: Sequence[str | Path] = ("wasm-bindgen", module, "--out-dir", bundle, *_ARGUMENTS, *crate.bindgen)
    hint = "Does wasm-bindgen have the crate's version, and can it export this crate?"
    _run_tool(crate, command=command, hint=hint, finisher=finisher)


def _run_wasm_opt(crate: Crate, module: Path, finisher: BundleFinisher) -> None:
    """Optimises the output of wasm-bindgen in place, as wasm-pack does."""
    if crate.optimise is None:
        return
    finisher.watch.stage(crate.name, "wasm-opt")
    optimised = module.with_suffix(".wasm-opt.wasm")
    hint = "Try another version, or set `wasm-opt = false` in the crate's package.metadata.wasm-pack to skip it."
    _run_tool(crate, command=("wasm-opt", module, "-o", optimised, *crate.optimise), hint=hint, finisher=finisher)
    if not optimised.is_file() or not optimised.read_bytes().startswith(_MAGIC):
        raise BuildError(f"wasm-opt ended without an error for {crate.name}, but wrote no module", hint)
    optimised.replace(module)


def _run_tool(crate: Crate, command: Sequence[str | Path], hint: str, finisher: BundleFinisher) -> None:
    """Run a tool on its share of the cores. Raises BuildError when it fails."""
    tool = command[0]
    log = finisher.folders.logs / f"{crate.name}-{tool}.log"
    env = {**finisher.env, "BINARYEN_CORES": str(finisher.workers.share())}
    watch = process.OutputWatch(log=log, cancelled=finisher.workers.cancelled)
    result = process.run(command, cwd=crate.folder, env=env, watch=watch)
    if not result.code:
        log.unlink(missing_ok=True)
        return
    outcome = f"was ended by signal {-result.code}" if result.code < 0 else f"ended with {result.code}"
    detail = f": {_first_error(result.tail)}" if result.tail else ""
    raise BuildError(f"{tool} {outcome} for {crate.name}{detail}", hint, tail=result.tail, log=log)


def _first_error(tail: Sequence[str]) -> str:
    return next((line for line in tail if line.startswith(("error", "Fatal", "thread "))), tail[-1])


def _cache_key(crate: Crate, raw: bytes, versions: tuple[str, str]) -> str:
    """A digest of all inputs of wasm-bindgen and wasm-opt.

    A module names the package.json of crates with snippets, from which wasm-bindgen reads their dependencies.
    """
    names = set(_PACKAGE_PATHS.findall(raw)) if _PACKAGE in raw else ()  # the expression alone reads a module slowly
    packages = {path: content_digest(Path(path.decode(errors="surrogateescape"))) for path in names}
    words = [_FORMAT_VERSION, sha256(raw).hexdigest(), crate.name, versions, _ARGUMENTS, crate.bindgen, crate.optimise]
    words += [f"{path!r} {digest}" for path, digest in sorted(packages.items())]
    return sha256(json.dumps(words).encode()).hexdigest()
