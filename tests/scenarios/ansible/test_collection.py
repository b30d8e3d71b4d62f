"""The collection passes Ansible's own checks as it is built: `ansible-test sanity`, and ansible-lint for production."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build import __version__
from tools import collection

OS = Path("ansible_collections") / "hero" / "os"
pytestmark = pytest.mark.timeout(1200)


def checked(tmp_path: Path, *command: str) -> str:
    """Run a check in a copy of the installed collection: what it printed."""
    shutil.copytree(collection.installed() / "ansible_collections", tmp_path / "ansible_collections")
    environ = collection.environ() | {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    done = subprocess.run(
        command,
        cwd=tmp_path / OS,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1000,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_it_passes_ansible_test_sanity(tmp_path: Path) -> None:
    out = checked(tmp_path, *collection.SANITY)
    ran = set(re.findall(r'Running sanity test "([\w-]+)"', out))
    assert ran >= {"validate-modules", "import", "compile", "pylint", "pep8", "ansible-doc", "yamllint"}, out


def test_it_passes_ansible_lint_with_the_production_profile(tmp_path: Path) -> None:
    out = checked(tmp_path, "ansible-lint", "--offline", "--nocolor", "--strict", "--profile", "production")
    assert "Passed: 0 failure(s), 0 warning(s)" in out, out


def test_it_has_the_version_of_hero_build() -> None:
    assert f"\nversion: {__version__}\n" in (collection.SOURCE / "galaxy.yml").read_text()


def test_modules_describe_what_they_return(tmp_path: Path) -> None:
    """`ansible-doc` reads both modules, with every result that they document, and the options that they share."""
    names = ("hero.os.hero_set", "hero.os.hero_info")
    documents = json.loads(checked(tmp_path, "ansible-doc", "--json", *names))
    assert all({"root", "user", "executable"} <= documents[name]["doc"]["options"].keys() for name in names)
    assert {"before", "after", "restarted", "rolled_back", "healthy_again"} <= documents[names[0]]["return"].keys()
    assert {"generation", "versions", "damaged", "older", "lock_digest"} <= documents[names[1]]["return"].keys()
