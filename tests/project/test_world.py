"""The small hero_db of tests/world/ really compiles, answers and stops; the demo runs on it from end to end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import until
from support.rust_world import listens

CHECKOUT = Path(__file__).parents[2]
BINARIES = ("hero_db", "hero_db_admin", "hero_db_server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed"),
]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("world") / "hero_db"
    shutil.copytree(CHECKOUT / "tests/world/hero_db", source, ignore=shutil.ignore_patterns("target", "Cargo.lock"))
    command = ["cargo", "build", "--release", "--quiet", "--offline", "--target-dir", str(source / "target")]
    subprocess.run(command, cwd=source, env={**os.environ, "HERO_DEMO_VERSION": "v7.8.9"}, check=True)
    return source / "target" / "release"


@pytest.mark.parametrize("name", BINARIES)
def test_each_program_says_its_name_and_version(compiled: Path, name: str) -> None:
    out = subprocess.run([compiled / name, "--version"], capture_output=True, text=True, check=True).stdout
    assert out == f"{name} v7.8.9\n"


def test_the_server_is_healthy_over_its_socket(compiled: Path, tmp_path: Path) -> None:
    env = {**os.environ, "HERO_SOCKET_DIR": str(tmp_path)}
    asked = subprocess.run([compiled / "hero_db"], env=env, capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert "does not answer" in asked.stderr
    with subprocess.Popen([compiled / "hero_db_server"], env=env) as server:
        try:
            assert until(lambda: listens(tmp_path / "hero_db" / "rpc.sock"))
            answer = subprocess.run([compiled / "hero_db"], env=env, capture_output=True, text=True, check=True).stdout
            assert answer == '{"status":"ok","service":"hero_db_server","version":"v7.8.9"}\n'
        finally:
            server.terminate()


def test_the_demo_runs_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    def listed() -> set[str]:
        found = (
            path.relative_to(CHECKOUT)
            for folder in ("tests/world", "tools")
            for path in CHECKOUT.glob(f"{folder}/**/*")
        )
        return {str(path) for path in found if "__pycache__" not in path.parts}

    before = listed()
    env = {**os.environ, "HOME": str(tmp_path), "NO_COLOR": "1", **_toolchain()}
    done = subprocess.run(
        [sys.executable, CHECKOUT / "tools" / "demo.py"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    says = re.findall(r"^hero_db_server (v\S+)$", done.stdout, re.M)
    assert says == ["v0.1.0", "v0.2.0", "v0.1.0", "v0.3.0", "v0.2.0", "v0.3.0", "v0.2.0"]
    assert re.search(r"is up to date with its checkout", done.stdout)
    assert re.search(r"to build +changed since the last build: worktree", done.stdout)
    assert re.findall(r"^generation \d+: .* \((\w+)[:)]", done.stdout, re.M) == [
        *("download", "download", "download", "source", "download", "source", "download", "download")
    ]
    assert re.search(r"^generation \d+: hero_db v0.2.0 -> v0.4.0 \(download\): rolled back", done.stdout, re.M)
    typed = re.findall(r"^\$ hero-build (\S+)", done.stdout, re.M)
    assert {"install", "list", "status", "verify", "history", "diff", "rollback"} <= set(typed)
    assert {"start", "health", "logs", "upgrade", "stop"} <= set(typed)
    (root,) = re.findall(r"export HERO_ROOT=(\S+)", done.stdout)
    assert not Path(root).parent.exists()
    assert list(tmp_path.iterdir()) == []
    assert listed() == before


def _toolchain() -> dict[str, str]:
    """Where rustup and cargo keep their own things, which would follow HOME."""
    home = Path.home()
    return {"CARGO_HOME": os.environ.get("CARGO_HOME", str(home / ".cargo"))} | {
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(home / ".rustup"))
    }
