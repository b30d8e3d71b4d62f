"""The files of the repository match the code: pins, links, workflow, commands."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from hero_build import __version__

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
PINS = ("requirements.txt", "requirements-dev.txt", "deploy/ansible/requirements.txt")


def _pins(name: str) -> dict[str, str]:
    """Each pinned package with the text of its entry."""
    text = "".join(line for line in (CHECKOUT / name).read_text().splitlines(keepends=True) if line.strip()[:1] != "#")
    entries = re.split(r"\n(?=\S)", text.strip())
    return {entry.split("==")[0]: entry for entry in entries}


@pytest.mark.parametrize("name", PINS)
def test_every_pin_has_hashes_and_no_address(name: str) -> None:
    pins = _pins(name)
    assert pins
    for package, entry in pins.items():
        assert re.match(r"[a-z0-9-]+==\S+( ; \S+.*)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), package
    text = (CHECKOUT / name).read_text()
    assert not re.search(r"://|--index-url|--extra-index|--find-links|--trusted-host|file:/| @ ", text)


def test_every_dependency_is_pinned() -> None:
    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=~!\[ ]", item)[0].lower() for item in requirements}

    assert names(PROJECT["dependencies"]) <= set(_pins("requirements.txt"))
    assert names(PROJECT["optional-dependencies"]["dev"]) <= set(_pins("requirements-dev.txt"))
    runtime, dev = _pins("requirements.txt"), _pins("requirements-dev.txt")
    assert {name: entry.split()[0] for name, entry in runtime.items()}.items() <= {
        name: entry.split()[0] for name, entry in dev.items()
    }.items()


def test_the_readme_s_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", (CHECKOUT / "README.md").read_text())
    assert links
    assert [link for link in links if not link.startswith("https://") and not (CHECKOUT / link).exists()] == []


def test_the_readme_begins_with_the_two_commands_and_make_knows_them() -> None:
    head = (CHECKOUT / "README.md").read_text()[:900]
    for target in ("demo", "test"):
        assert f"make {target}" in head
        done = subprocess.run(["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        assert done.stdout


def test_ci_runs_make_test() -> None:
    script = CHECKOUT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    assert "make test" in script.read_text()


def test_the_workflow_has_least_permissions_and_no_foreign_actions() -> None:
    workflow = (CHECKOUT / ".forgejo" / "workflows" / "check.yml").read_text()
    assert re.findall(r"uses: (\S+)", workflow) == ["actions/checkout@v4"]
    assert "permissions:\n  contents: read\n" in workflow
    assert ".ci/run" in workflow
    assert "secrets." not in workflow


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {__version__}" in (CHECKOUT / "CHANGELOG.md").read_text()


def test_no_lock_file_with_addresses_is_kept() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in listed.splitlines() if Path(name).name in {"Cargo.lock", "uv.lock"}]
    sums = [CHECKOUT / name for name in listed.splitlines() if Path(name).name == "go.sum"]
    assert not [path for path in sums if "://" in path.read_text()]
