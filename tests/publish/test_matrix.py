"""The matrix of a release, the apps that changed, and the printed workflow against the schema of workflows."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hero_build.errors import RefNotFound, UsageError
from hero_build.ops.ci_jobs import affected, changed
from hero_build.publish.matrix import CiJob, CiPlan, Island, balance, decode, encode, expected_records, plan_jobs
from hero_build.publish.workflow import Workflow, render
from support.forge_server import REPO
from support.git_repos import commit, git, repository, write

ISLANDS = st.lists(
    st.builds(Island, st.text("abcdef", min_size=1, max_size=8), st.floats(0.1, 100)),
    unique_by=lambda island: island.name,
    max_size=40,
)


def test_apps_by_platforms_then_islands() -> None:
    plans = (CiPlan("db", ("x", "y")), CiPlan("arch", islands=(Island("a", 3), Island("b", 2), Island("c", 2))))
    assert plan_jobs(plans, 2) == (
        CiJob("db", "x", "x"),
        CiJob("db", "y", "y"),
        CiJob("arch", what="islands-1of2", platform="", islands=("a",)),
        CiJob("arch", what="islands-2of2", platform="", islands=("b", "c")),
    )
    with pytest.raises(UsageError):
        plan_jobs(plans, 0)


@given(ISLANDS, st.integers(1, 8))
def test_shards_hold_each_island_once_and_are_even(islands: list[Island], shards: int) -> None:
    groups = balance(islands, shards)
    assert sorted(name for group in groups for name in group) == sorted(island.name for island in islands)
    assert len(groups) == min(shards, len(islands))
    assert all(groups)
    cost = {island.name: island.cost for island in islands}
    sums = [sum(cost[name] for name in group) for group in groups]
    if sums:
        assert max(sums) <= sum(sums) / len(sums) + max(cost.values())
    assert balance(islands[::-1], shards) == groups


def test_a_matrix_is_read_back() -> None:
    jobs = plan_jobs((CiPlan("db", ("x",)), CiPlan("arch", islands=(Island("a"), Island("b")))))
    text = encode(jobs)
    assert "\n" not in text
    assert decode(text) == jobs
    assert decode(json.dumps(json.loads(text)["include"][1])) == jobs[1:]
    assert expected_records(jobs) == ("db-x.build.json", "arch-islands-1of1.build.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", "1", '{"include": 1}', '{"include": [{"app": 1}]}', '{"app": "x"}'])
def test_an_invalid_matrix(text: str) -> None:
    with pytest.raises(UsageError, match="invalid matrix"):
        decode(text)


def test_an_invalid_entry_is_named_by_its_path() -> None:
    entry = {"app": "a", "what": "x", "platform": "x", "islands": ""}
    with pytest.raises(UsageError, match=r"`\$\.include\[1\]\.app`"):
        decode(json.dumps({"include": [entry, {**entry, "app": 1}]}))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return repository(tmp_path / "tree", {"a/x": "1", "b/x": "1", "a.py": "1", "b.py": "1", ".gitignore": "out\n"})


def test_what_has_changed(tree: Path) -> None:
    apps = {"a": (tree / "a", tree / "a.py"), "b": (tree / "b", tree / "b.py")}
    first = git(tree, "rev-parse", "HEAD")
    assert affected(apps, first) == ()
    commit(tree, {"a/x": "2"})
    assert affected(apps, first) == ("a",)
    assert affected(apps, "HEAD") == ()
    write(tree, {"b/new": "not committed"})
    assert affected(apps, "HEAD") == ("b",)
    (tree / "b" / "new").rename(tree / "b" / "out")  # ignored
    assert affected(apps, "HEAD") == ()
    git(tree, "rm", "--quiet", "b.py")
    git(tree, "commit", "--quiet", "-m", "gone")
    assert affected(apps, first) == ("a", "b")
    assert affected(apps, "0" * 40) == ("a", "b")


def test_refs_that_are_not_there(tree: Path, tmp_path: Path) -> None:
    for ref in ("nothing", "1" * 40, "--help", "HEAD^^^^"):
        with pytest.raises(RefNotFound):
            changed(tree, ref)
    assert changed(tmp_path, "HEAD")  # in no repository: nothing says that it is the same


def workflow_schema() -> Any:
    """The one that check-jsonschema carries."""
    path = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    return json.loads(path.read_text())


def loaded(text: str) -> Any:
    return YAML(typ="safe").load(text)


FULL = Workflow(
    "hero_db",
    labels=("self-hosted", "linux"),
    platforms=("linux-amd64-musl", "linux-arm64-musl"),
    tags="hero_db-v*",
    shards=3,
    install="pip install 'it'",
    recipes="recipes",
    legacy_names=True,
    fixed=(CiJob("hero_db", "linux-amd64-musl", "linux-amd64-musl"),),
)


@pytest.mark.parametrize("workflow", [Workflow("hero_db"), FULL], ids=["least", "most"])
def test_a_printed_workflow_is_one(workflow: Workflow) -> None:
    document = loaded(render(workflow))
    jsonschema.validate(document, workflow_schema())
    assert document["concurrency"]["cancel-in-progress"] is False
    assert document["permissions"] == {"contents": "read"}
    assert list(document["jobs"]) == ["plan", "build", "finish"]
    steps = [step for job in document["jobs"].values() for step in job["steps"]]
    assert {step["uses"] for step in steps if "uses" in step} == {"actions/checkout@v4"}
    assert "permissions" not in document["jobs"]["plan"]
    assert not [step for step in steps if "${{" in step.get("run", "")]  # nothing from outside becomes a script
    assert render(workflow) == render(workflow)


def test_a_full_workflow_says_all_of_it() -> None:
    text = render(FULL)
    document = loaded(text)
    assert document["on"]["push"]["tags"] == ["hero_db-v*"]
    assert document["jobs"]["build"]["runs-on"] == ["self-hosted", "linux"]
    assert document["jobs"]["build"]["strategy"]["matrix"]["include"][0]["platform"] == "linux-amd64-musl"
    assert "--with-legacy-names" in text
    assert text.count("pip install 'it'") == 0
    assert [step["run"] for step in document["jobs"]["plan"]["steps"] if "pip" in step.get("run", "")] == [
        "pip install 'it'"
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"app": "x; rm -rf /"},
        {"app": "$(id)"},
        {"app": "a\nb: c"},
        {"labels": ("a, b]",)},
        {"labels": ()},
        {"platforms": ("linux${{ x }}",)},
        {"tags": '"]\nx: ['},
        {"recipes": "../../x"},
        {"install": "a\nb"},
        {"shards": 0},
        {"fixed": (CiJob("a b", "c"),)},
    ],
)
def test_words_that_cannot_stand_in_a_workflow(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        render(Workflow(**{"app": "app", **bad}))


@pytest.mark.parametrize("name", ["check", "release"])
def test_the_workflows_of_this_repository(name: str) -> None:
    document = loaded((REPO / ".forgejo" / "workflows" / f"{name}.yml").read_text())
    jsonschema.validate(document, workflow_schema())
    assert document["permissions"] == {"contents": "read"}
    steps = [step for job in document["jobs"].values() for step in job["steps"]]
    assert {step["uses"] for step in steps if "uses" in step} == {"actions/checkout@v4"}
    assert not [step for step in steps if "${{" in step.get("run", "")]
