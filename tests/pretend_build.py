"""`hero-build` for workflows under test: everything is real but the build, whose programs are lines of text.

ci matrix APP --platform P… --shards N
publish APP --tag TAG --draft --platform P
publish APP --tag TAG --finish --matrix JSON
"""

import argparse
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hero_build import settings
from hero_build.errors import HeroBuildError
from hero_build.events import silent
from hero_build.publish import matrix, open_publisher, provenance
from hero_build.publish.parcels import parcel, written
from hero_build.publish.publication import Parcel, Publication
from hero_build.publish.signing import read_signer


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("verb", nargs="+")
    words.add_argument("--platform", action="append", default=[])
    words.add_argument("--shards", type=int, default=1)
    words.add_argument("--tag")
    words.add_argument("--draft", action="store_true")
    words.add_argument("--finish", action="store_true")
    words.add_argument("--matrix", default="")
    asked = words.parse_args()
    if asked.verb[:2] == ["ci", "matrix"]:
        works = [matrix.Work(app, tuple(asked.platform)) for app in asked.verb[2:]]
        sys.stdout.write(matrix.document(matrix.jobs(works, asked.shards)) + "\n")
        return 0
    try:
        return _publish(asked)
    except HeroBuildError as error:
        sys.stderr.write(f"error: {error.message}\n  hint: {error.hint}\n")
        return error.code


def _publish(asked: argparse.Namespace) -> int:
    app, repo = asked.verb[1], os.environ["GITHUB_REPOSITORY"]
    signer = read_signer(None, os.environ)
    found = settings.read({}, os.environ)
    publisher = open_publisher(found, None, silent, signer=signer)
    told = Publication(app, repo, asked.tag, target=os.environ["GITHUB_SHA"], draft=asked.draft)
    jobs = matrix.parse(asked.matrix)
    if asked.finish:
        publisher.finish(told, matrix.expected(jobs))
        return 0
    for job in jobs:
        with tempfile.TemporaryDirectory() as folder:
            publisher.publish(replace(told, parcels=_build(job, repo, asked.tag, Path(folder))))
        if os.environ.get("RUNNER_DIES") and not Path(os.environ["RUNNER_DIES"]).exists():
            Path(os.environ["RUNNER_DIES"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return 0


def _build(job: matrix.Job, repo: str, tag: str, folder: Path) -> tuple[Parcel, ...]:
    app, platform = job.app, job.platform
    source = Path(os.environ["CODEROOT"], repo.split("/")[1], "program").read_text()
    made = folder / f"{app}-{platform}"
    made.write_text(f"{source}{platform}\n")
    program = parcel(made.name, made)
    record = provenance.BuildRecord(
        app,
        repo,
        tag,
        platform,
        os.environ["GITHUB_SHA"],
        False,
        "rustc 1.0",
        None,
        "",
        provenance.runner(os.environ, "linux"),
        provenance.made([program]),
    )
    told = written(provenance.record_name(app, platform), provenance.encode(record), folder)
    return program, Parcel(told.name, told.path, told.sha256, told.size, record=True)


if __name__ == "__main__":
    sys.exit(main())
