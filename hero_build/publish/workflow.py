"""A complete release workflow for a Hero repo: tag push → plan → matrix build → finish.

Every value is checked to be a plain word, so that no argument can become YAML or shell. Input of a job (the tag, the
matrix) reaches its shell through the environment only, never as text of the script.
"""

import re
from string import Template

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.publish.matrix import CiJob, encode

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@/:+-]*")
_TAGS = re.compile(r"[A-Za-z0-9_.*/?+-]+")


class Workflow(Struct, frozen=True):
    """`install` is the shell command that installs hero-build in a job, empty where its machine has it; `recipes` the
    repo's folder of recipes, empty for the shipped ones; `labels` select the runners; `fixed` jobs are written into
    the workflow as its matrix, for servers without dynamic matrices (Gitea 1.26). `minutes` limits a build.
    """

    app: str
    labels: tuple[str, ...] = ("self-hosted",)
    platforms: tuple[str, ...] = ("linux-amd64-musl",)
    tags: str = "v*"
    shards: int = 1
    install: str = ""
    recipes: str = ""
    legacy_names: bool = False
    fixed: tuple[CiJob, ...] = ()
    minutes: int = 120


_CHECKOUT = "${{ github.workspace }}/${{ github.event.repository.name }}"
_TEXT = """\
# Written by `hero-build ci workflow $app`. A pushed tag becomes a release, visible only when all of it is built,
# uploaded and verified. Running it again completes it.
name: release
on:
  push:
    tags: ["$tags"]

# A job that is ended half-way leaves a draft; two runs for one tag would work on the same one.
concurrency:
  group: release-$${{ github.ref }}
  cancel-in-progress: false

permissions:
  contents: read

env:
  FORGEJO_URL: $${{ github.server_url }}
  TAG: $${{ github.ref_name }}
  CODEROOT: $${{ github.workspace }} # where the checkout is, under its own name
$recipes
jobs:
  plan:
    runs-on: $labels
    timeout-minutes: 10
    outputs:
      matrix: $${{ steps.matrix.outputs.matrix }}
    steps:
      - uses: actions/checkout@v4
        with:
          path: $${{ github.event.repository.name }}
          persist-credentials: false
$install      - id: matrix
        run: |
          matrix=$$(hero-build ci matrix $app$platforms --shards $shards)
          echo "matrix=$$matrix" >> "$$GITHUB_OUTPUT"

  build:
    needs: plan
    runs-on: $labels
    timeout-minutes: $minutes
    permissions:
      contents: write # to upload into the draft
    strategy:
      fail-fast: false
      matrix: $matrix
    steps:
      - uses: actions/checkout@v4
        with:
          path: $${{ github.event.repository.name }}
          persist-credentials: false
$install      - env:
          FORGEJO_TOKEN: $${{ github.token }}
          # A server without dynamic matrices runs this job once: it then builds the whole matrix.
          MATRIX: $${{ matrix.app && toJSON(matrix) || needs.plan.outputs.matrix }}
        run: hero-build publish $app --tag "$$TAG" --draft$legacy --matrix "$$MATRIX"

  finish:
    needs: [plan, build]
    runs-on: $labels
    timeout-minutes: 60
    permissions:
      contents: write # to publish the draft
    steps:
      - uses: actions/checkout@v4
        with:
          path: $${{ github.event.repository.name }}
          persist-credentials: false
$install      - env:
          FORGEJO_TOKEN: $${{ github.token }}
          HERO_MINISIGN_KEY: $${{ secrets.HERO_MINISIGN_KEY }}
          HERO_MINISIGN_PASSWORD: $${{ secrets.HERO_MINISIGN_PASSWORD }}
          MATRIX: $${{ needs.plan.outputs.matrix }}
        run: hero-build publish $app --tag "$$TAG" --finish --matrix "$$MATRIX"
"""


def render(workflow: Workflow) -> str:
    """The workflow as YAML. Raises UsageError for a value that is not a plain word."""
    _check(workflow)
    named = "".join(f" --platform {name}" for name in workflow.platforms)
    recipes = f"  HERO_RECIPES: {_CHECKOUT}/{workflow.recipes}\n" if workflow.recipes else ""
    install = f"      - run: {_yaml_string(workflow.install)}\n" if workflow.install else ""
    return Template(_TEXT).substitute(
        app=workflow.app,
        tags=workflow.tags,
        labels=f"[{', '.join(workflow.labels)}]" if len(workflow.labels) > 1 else workflow.labels[0],
        platforms=named,
        shards=workflow.shards,
        install=install,
        recipes=recipes,
        matrix=encode(workflow.fixed) if workflow.fixed else "${{ fromJSON(needs.plan.outputs.matrix) }}",
        legacy=" --with-legacy-names" if workflow.legacy_names else "",
        minutes=workflow.minutes,
    )


def _check(workflow: Workflow) -> None:
    fixed = (word for job in workflow.fixed for word in (job.app, job.what, job.platform, *job.islands) if word)
    recipes = [workflow.recipes] if workflow.recipes else []
    words = (workflow.app, *workflow.labels, *workflow.platforms, *recipes, *fixed)
    for word in words:
        if not _WORD.fullmatch(word) or ".." in word:
            raise UsageError(f"{word!r} cannot stand in a workflow", "Use letters, digits and . _ - / : + @.")
    if not _TAGS.fullmatch(workflow.tags):
        raise UsageError(f"{workflow.tags!r} is not a tag pattern", "Such as v* or app-v*.")
    if not workflow.labels:
        raise UsageError("a workflow needs the label of a runner", "Name one with --runs-on, such as self-hosted.")
    if workflow.shards < 1 or "\n" in workflow.install:
        raise UsageError("a workflow needs at least one shard, and an install command of one line", "See docs/ci.md.")


def _yaml_string(text: str) -> str:
    """A YAML scalar in single quotes."""
    return "'" + text.replace("'", "''") + "'"
