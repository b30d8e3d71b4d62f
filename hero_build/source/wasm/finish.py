"""From a module as cargo leaves it to a folder as wasm-pack does: wasm-bindgen, wasm-opt, package.json."""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, ToolFailed, machine_errors
from hero_build.source.wasm import cache
from hero_build.source.wasm.npm_package import add_package_files
from hero_build.source.wasm.pool import Pool
from hero_build.source.wasm.types import (
    BuildFolders,
    BuildWatch,
    BuiltBundle,
    BundleResult,
    BundleStage,
    Crate,
    FailedBundle,
)
from hero_build.system import process

_FORMAT_VERSION = "1"  # goes up when the calls change in a way that changes files
_ARGUMENTS = ("--typescript", "--target", "web")
_PACKAGE_PATHS = re.compile(rb"/[^\0-\x1f\"]{0,4096}?/package\.json")
_MAGIC = b"\0asm"


class BundleFinisher(Struct, frozen=True):
    """What a bundle is finished with. versions: of wasm-bindgen and wasm-opt."""

    place: BuildFolders
    env: Mapping[str, str]
    versions: tuple[str, str]
    watch: BuildWatch
    workers: Pool


def finish(crate: Crate, module: Path, by: BundleFinisher) -> BundleResult:
    """The bundle of a compiled crate in a new folder of `by.place.out`. Raises MachineError, process.Cancelled."""
    dest, kept = by.place.out / crate.name, by.place.cache / "bundles"
    with machine_errors(by.place.out):
        raw = module.read_bytes()
        key = _cache_key(crate, raw, by.versions)
        stage: BundleStage = "unchanged"
        if not cache.restore(kept, key, dest):
            try:
                with by.workers.busy():
                    _build_into_cache(crate, raw=raw, key=key, by=by)
            except BuildError as error:
                by.watch.stage(crate.name, "broken")
                return FailedBundle(crate.name, error)
            stage = "built"
        add_package_files(crate, dest)
    by.watch.stage(crate.name, stage)
    made = BuiltBundle(crate.name, dest)
    by.watch.finished(made)
    return made


def _build_into_cache(crate: Crate, raw: bytes, key: str, by: BundleFinisher) -> None:
    kept = by.place.cache / "bundles"
    with cache.new_entry(kept) as folder:
        made, module = folder / "made", folder / f"{crate.name}.wasm"
        module.write_bytes(raw)  # a copy: the original is cargo's, which may replace it at any time
        _run_wasm_bindgen(crate, module=module, made=made, by=by)
        _run_wasm_opt(crate, made / f"{crate.name}_bg.wasm", by)
        cache.store(kept, key, made)
    if not cache.restore(kept, key, by.place.out / crate.name):
        raise ToolFailed(f"what was made for {crate.name} is not in {kept} any more", "Run it again.")


def _run_wasm_bindgen(crate: Crate, module: Path, made: Path, by: BundleFinisher) -> None:
    by.watch.stage(crate.name, "wasm-bindgen")
    command: Sequence[str | Path] = ("wasm-bindgen", module, "--out-dir", made, *_ARGUMENTS, *crate.bindgen)
    _run_tool(
        crate,
        command=command,
        hint="Does its wasm-bindgen fit, and is its crate one that wasm-bindgen can export?",
        by=by,
    )


def _run_wasm_opt(crate: Crate, module: Path, by: BundleFinisher) -> None:
    """In place, as wasm-pack does, from the output of wasm-bindgen."""
    if crate.optimise is None:
        return
    by.watch.stage(crate.name, "wasm-opt")
    made = module.with_suffix(".wasm-opt.wasm")
    hint = "Another version may do; `wasm-opt = false` in the crate's package.metadata.wasm-pack leaves it out."
    _run_tool(crate, command=("wasm-opt", module, "-o", made, *crate.optimise), hint=hint, by=by)
    if not made.is_file() or not made.read_bytes().startswith(_MAGIC):
        raise BuildError(f"wasm-opt ended well for {crate.name}, and made no module", hint)
    made.replace(module)


def _run_tool(crate: Crate, command: Sequence[str | Path], hint: str, by: BundleFinisher) -> None:
    """Run a tool, on no more cores than others leave. Raises BuildError when it fails."""
    tool = command[0]
    log = by.place.logs / f"{crate.name}-{tool}.log"
    env = {**by.env, "BINARYEN_CORES": str(by.workers.share())}
    done = process.run(
        command, cwd=crate.folder, env=env, watch=process.OutputWatch(log=log, cancelled=by.workers.cancelled)
    )
    if not done.code:
        log.unlink(missing_ok=True)
    else:
        how = f"was ended by signal {-done.code}" if done.code < 0 else f"ended with {done.code}"
        said = f": {_first_error(done.tail)}" if done.tail else ""
        raise BuildError(f"{tool} {how} for {crate.name}{said}", hint, tail=done.tail, log=log)


def _first_error(tail: Sequence[str]) -> str:
    return next((line for line in tail if line.startswith(("error", "Fatal", "thread "))), tail[-1])


def _cache_key(crate: Crate, raw: bytes, versions: tuple[str, str]) -> str:
    """Of all that wasm-bindgen and wasm-opt make their files from.

    A module names the package.json of crates with snippets, of which wasm-bindgen then reads what they depend on.
    """
    others = {path: _digest(Path(path.decode(errors="surrogateescape"))) for path in set(_PACKAGE_PATHS.findall(raw))}
    words = [_FORMAT_VERSION, sha256(raw).hexdigest(), crate.name, versions, _ARGUMENTS, crate.bindgen, crate.optimise]
    words += [f"{path!r} {digest}" for path, digest in sorted(others.items())]
    return sha256(json.dumps(words).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return "absent"
