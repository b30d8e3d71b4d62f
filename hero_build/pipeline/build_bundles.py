"""Bundles of one workspace: built by one call, each verified while others are still being built.

One that would be the very files that are installed, intact, is not written again: its record alone is new, since it was
built from other sources. Files are compared by their digests, so that it does not matter why they are the same.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from msgspec.structs import replace

from hero_build.errors import HeroBuildError
from hero_build.events import Finished
from hero_build.install.store import make_durable
from hero_build.model.artifacts import WasmBundle
from hero_build.model.decisions import Build
from hero_build.model.steps import CargoJob, Fetched, Part, Produced, Restore, Verified, VerifiedPart
from hero_build.pipeline.build_item import BuildItem, built_origin, part_failed
from hero_build.pipeline.build_plan import build_platform
from hero_build.pipeline.download import RunContext
from hero_build.pipeline.record_build import record_parts
from hero_build.source.cargo.build_context import CargoBuildContext
from hero_build.source.cargo.known_metadata import memory
from hero_build.source.cargo.messages import CargoMessage
from hero_build.source.recorded_build import RecordEntry, read_inputs
from hero_build.source.wasm import build as wasm_build
from hero_build.source.wasm import plan as wasm_plan
from hero_build.source.wasm.types import (
    BuildFolders,
    BuildWatch,
    BuiltBundle,
    BundleResult,
    FailedBundle,
    UnchangedBundle,
)
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for

_Verifying = Mapping[str, Future[Verified | HeroBuildError]]


def build_bundles(
    items: Sequence[BuildItem], job: CargoJob, context: CargoBuildContext, run: RunContext
) -> list[Produced]:
    """A bundle that fails leaves the others alone. Raises errors that concern all of them."""
    cache, by_name = run.context.settings.cache, {item.build.part.artifacts[0].name: item for item in items}
    job = replace(job, programs=tuple(by_name))
    folders = BuildFolders(run.downloads.scratch(), cache / "logs", cache)
    verifying: dict[str, Future[Verified | HeroBuildError]] = {}
    inputs: list[Future[RecordEntry | None]] = []

    def finished(bundle: BuiltBundle) -> None:
        verifying[bundle.name] = run.pool.submit(_verify_bundle, by_name[bundle.name], bundle)

    def compiled(crates: Sequence[CargoMessage], started: int) -> None:
        inputs.append(run.pool.submit(read_inputs, job, crates, started))

    results = wasm_build.build(
        job,
        backend=job.backend or "direct",
        folders=folders,
        watch=BuildWatch(context.progress, finished=finished, cancelled=context.cancelled, crates=compiled),
        memory=memory(job, items[0].task.origin.build, env=wasm_plan.environment(job), cache=cache),
        installed={name: _files(item.build) for name, item in by_name.items()},
    )
    parts = [_result(by_name[item.name], built=item, verifying=verifying, run=run) for item in results]
    record_parts(parts, job, inputs[0].result() if inputs else None, settings=run.context.settings)
    return parts


def _files(build: Build) -> Mapping[str, str]:
    """The files of a bundle that may stay as it is, by their names in it; of another one none."""
    match build:
        case Build(part=Part(artifacts=(WasmBundle() as bundle,)), installed=Restore(record=record)):
            files = (file for entry in record.entries for file in entry.files)
            return {file.path.removeprefix(f"{bundle.folder}/"): file.sha256 for file in files}
        case _:
            return {}


def _result(item: BuildItem, built: BundleResult, verifying: _Verifying, run: RunContext) -> Produced:
    result = built.error if isinstance(built, FailedBundle) else _content(item, built, verifying)
    if isinstance(result, HeroBuildError):
        return part_failed(item.build, result, run)
    run.context.emit(Finished(item.build.part.id))
    origin = built_origin(item.task)
    if isinstance(result, Verified):
        return VerifiedPart(item.build.part, origin, (result,))
    return replace(result, record=replace(result.record, origin=origin))


def _content(
    item: BuildItem, built: BuiltBundle | UnchangedBundle, verifying: _Verifying
) -> Verified | Restore | HeroBuildError:
    """The new files, or those that are installed."""
    installed = item.build.installed
    return installed if isinstance(built, UnchangedBundle) and installed else verifying[built.name].result()


def _verify_bundle(item: BuildItem, built: BuiltBundle) -> Verified | HeroBuildError:
    """verify ─► make durable, while other bundles are still being built."""
    (bundle,) = item.build.part.artifacts
    try:
        verified = verify(
            Fetched(bundle, path=built.folder, form="tree", sha256="", size=0),
            expect_for(bundle, None, build_platform()),
        )
        make_durable(verified)
    except HeroBuildError as error:
        return error
    return verified
