"""Bundles of one workspace: built by one call, each verified while others are still being built.

One that would be the very files that are installed, intact, is not written again: its record alone is new, since it was
built from other sources. Files are compared by their digests, so that it does not matter why they are the same.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from msgspec import Struct
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


class _Checked(Struct, frozen=True):
    """A bundle that is verified, and being synced."""

    verified: Verified
    syncing: Future[HeroBuildError | None]


_Checking = Mapping[str, Future[_Checked | HeroBuildError]]


def build_bundles(
    items: Sequence[BuildItem], job: CargoJob, context: CargoBuildContext, run: RunContext
) -> list[Produced]:
    """A bundle that fails leaves the others alone. Raises errors that concern all of them."""
    cache, by_name = run.context.settings.cache, {item.build.part.artifacts[0].name: item for item in items}
    job = replace(job, programs=tuple(by_name))
    folders = BuildFolders(run.downloads.scratch(), cache / "logs", cache)
    checking: dict[str, Future[_Checked | HeroBuildError]] = {}
    inputs: list[Future[RecordEntry | None]] = []

    def finished(bundle: BuiltBundle) -> None:
        checking[bundle.name] = run.pool.submit(_check_bundle, by_name[bundle.name], bundle, run)

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
    produced = [_produced(by_name[item.name], item, checking) for item in results]
    made = [part for part in produced if not isinstance(part, HeroBuildError)]
    record_parts(made, job, inputs[0].result() if inputs else None, settings=run.context.settings)  # while they sync
    pairs = zip(results, produced, strict=True)
    return [_synced(by_name[item.name], part=part, checking=checking, run=run) for item, part in pairs]


def _files(build: Build) -> Mapping[str, str]:
    """The files of a bundle that may stay as it is, by their names in it; of another one none."""
    match build:
        case Build(part=Part(artifacts=(WasmBundle() as bundle,)), installed=Restore(record=record)):
            files = (file for entry in record.entries for file in entry.files)
            return {file.path.removeprefix(f"{bundle.folder}/"): file.sha256 for file in files}
        case _:
            return {}


def _produced(item: BuildItem, built: BundleResult, checking: _Checking) -> VerifiedPart | Restore | HeroBuildError:
    """The new files, or those that are installed, with the origin of this build."""
    installed, origin = item.build.installed, built_origin(item.task)
    if isinstance(built, FailedBundle):
        return built.error
    if isinstance(built, UnchangedBundle) and installed is not None:
        return replace(installed, record=replace(installed.record, origin=origin))
    checked = checking[built.name].result()
    return VerifiedPart(item.build.part, origin, (checked.verified,)) if isinstance(checked, _Checked) else checked


def _synced(
    item: BuildItem, part: VerifiedPart | Restore | HeroBuildError, checking: _Checking, run: RunContext
) -> Produced:
    """The part once its files are on the disk, or as a failure."""
    if isinstance(part, HeroBuildError):
        return part_failed(item.build, part, run)
    if isinstance(part, VerifiedPart):
        checked = checking[part.artifacts[0].artifact.name].result()
        error = checked.syncing.result() if isinstance(checked, _Checked) else checked
        if error is not None:
            return part_failed(item.build, error, run)
    run.context.emit(Finished(item.build.part.id))
    return part


def _check_bundle(item: BuildItem, built: BuiltBundle, run: RunContext) -> _Checked | HeroBuildError:
    """verify ─► make durable, while other bundles are still being built."""
    (bundle,) = item.build.part.artifacts
    try:
        verified = verify(
            Fetched(bundle, path=built.folder, form="tree", sha256="", size=0),
            expect_for(bundle, None, build_platform()),
        )
    except HeroBuildError as error:
        return error
    return _Checked(verified, run.pool.submit(_sync, verified))


def _sync(verified: Verified) -> HeroBuildError | None:
    try:
        make_durable(verified)
    except HeroBuildError as error:
        return error
    return None
