"""Garbage collection: what is kept, and what is reported as freed."""

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.install import gc, history
from hero_build.install.layout import Root
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def test_a_program_that_runs_while_it_is_replaced_goes_on(root: Root) -> None:
    roots.install(root, "db", "v1")
    with subprocess.Popen([root.path / "bin" / "db", "wait"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "db v1\n"
            for version in ("v2", "v3", "v4", "v5", "v6", "v7", "v8"):
                roots.install(root, "db", version)
            assert gc.running_generations(root) == {1}
            assert gc.collect(root).generations == (2, 3)
            assert root.generation(1).joinpath("bin/db").exists()
            assert process.poll() is None
        finally:
            process.kill()
    assert gc.collect(root).generations == (1,)
    assert output(root, "db") == "db v8\n"


def test_gc_keeps_the_last_five_and_reports_what_it_frees(root: Root) -> None:
    for number in range(1, 8):
        roots.install(root, "db", f"v{number}")
    size = (root.path / "bin" / "db").stat().st_size
    would = gc.collect(root, dry_run=True)
    assert would.generations == (1, 2)
    assert would.bytes == 2 * size
    assert gc.collect(root) == replace(would, dry_run=False)
    assert len(os.listdir(root.store)) == 5
    history.rollback(root, 3)
    assert output(root, "db") == "db v3\n"
    roots.settled(root)


def test_gc_deletes_what_a_killed_writer_left_beside_a_journal(root: Root) -> None:
    roots.install(root, "db", "v1")
    services = root.state / "services" / "db_server"
    services.mkdir(parents=True)
    old, new = root.state / ".0123456789abcdef.part", services / ".fedcba9876543210.part"
    for path in (old, new, services / "record.json"):
        path.write_bytes(b"{}")
    os.utime(old, (0, 0))
    assert gc.collect(root, dry_run=True).bytes == gc.collect(root).bytes == 2
    assert not old.exists()
    assert new.exists(), "it may be a command's that runs"
    os.utime(new, (0, 0))
    assert gc.collect(root).bytes == 2
    assert os.listdir(services) == ["record.json"]
