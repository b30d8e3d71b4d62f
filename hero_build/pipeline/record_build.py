"""Keeps what a build read and made, so that the next run can tell without cargo that nothing changed."""

from collections.abc import Iterable

from hero_build.model.installed import Fingerprint, outputs_digest
from hero_build.model.steps import CargoJob, Verified, VerifiedPart
from hero_build.settings import Settings
from hero_build.source import recorded_build


def record_parts(
    parts: Iterable[object],
    job: CargoJob,
    inputs: recorded_build.RecordEntry | None,
    settings: Settings,
    *,
    complete: bool = True,
) -> None:
    """Record the verified parts of one build by `job`, which read `inputs`; failed ones are passed over.

    `complete` False: not all that the build read is known, so that the record never says that a part is up to date.
    """
    for fingerprint, built in _by_fingerprint(parts).items():
        recorded_build.record(
            job,
            fingerprint=fingerprint,
            inputs=inputs,
            outputs={item.artifact.name: _digest(item) if complete else "" for item in built},
            cache=settings.cache,
        )


def _by_fingerprint(parts: Iterable[object]) -> dict[Fingerprint, list[Verified]]:
    """What was built with each fingerprint: the bundles of a checkout share one, and are recorded together."""
    groups: dict[Fingerprint, list[Verified]] = {}
    for part in parts:
        fingerprint = _fingerprint(part)
        if isinstance(part, VerifiedPart) and fingerprint is not None:
            groups.setdefault(fingerprint, []).extend(part.artifacts)
    return groups


def _fingerprint(part: object) -> Fingerprint | None:
    build = part.origin.build if isinstance(part, VerifiedPart) else None
    return build.fingerprint if build is not None else None


def _digest(verified: Verified) -> str:
    return outputs_digest((str(file.dest), file.sha256) for file in verified.files)
