"""Keeps what a build read and made, so that the next run can tell without cargo that nothing changed."""

from collections.abc import Iterable, Iterator

from hero_build.model.installed import Fingerprint, InstalledPart, outputs_digest
from hero_build.model.steps import CargoJob, Failed, Produced, Restore, VerifiedPart
from hero_build.settings import Settings
from hero_build.source import recorded_build


def record_parts(
    parts: Iterable[Produced],
    job: CargoJob,
    inputs: recorded_build.RecordEntry | None,
    settings: Settings,
    *,
    complete: bool = True,
) -> None:
    """Record the parts of one build by `job`, which read `inputs`; failed ones are passed over.

    `complete` False: not all that the build read is known, so that the record never says that a part is up to date.
    """
    for fingerprint, built in _by_fingerprint(parts).items():
        recorded_build.record(
            job,
            fingerprint=fingerprint,
            inputs=inputs,
            outputs={name: digest if complete else "" for name, digest in built.items()},
            cache=settings.cache,
        )


def _by_fingerprint(parts: Iterable[Produced]) -> dict[Fingerprint, dict[str, str]]:
    """What was built with each fingerprint: the bundles of a checkout share one, and are recorded together."""
    groups: dict[Fingerprint, dict[str, str]] = {}
    for part in parts:
        fingerprint = _fingerprint(part)
        if fingerprint is not None:
            groups.setdefault(fingerprint, {}).update(_digests(part))
    return groups


def _fingerprint(part: Produced) -> Fingerprint | None:
    match part:
        case VerifiedPart(origin=origin) | Restore(record=InstalledPart(origin=origin)):
            return origin.build.fingerprint if origin.build is not None else None
        case Failed():
            return None


def _digests(part: Produced) -> Iterator[tuple[str, str]]:
    """Of each artifact, by its name."""
    match part:
        case VerifiedPart(artifacts=artifacts):
            for item in artifacts:
                yield item.artifact.name, outputs_digest((str(file.dest), file.sha256) for file in item.files)
        case Restore(record=record):
            for entry in record.entries:
                yield entry.name, outputs_digest((file.path, file.sha256) for file in entry.files)
