"""The programs that are compared, as a user has them: hero-build from a wheel, mise from npm, the rest from Debian."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.places import CHECKOUT, TOOLS, VENV

_MISE = "@jdxcode/mise@2026.9.15"
_UBI, _BINSTALL = "ubi-cli@0.13.0", "cargo-binstall@1.24.0"


@dataclass(frozen=True, slots=True)
class Tools:
    """`mise` is None where npm cannot bring it: its columns are then empty."""

    hero: Path
    python: Path
    mise: Path | None


def prepare() -> Tools:
    """Install what is missing or out of date."""
    hero = _hero_build()
    return Tools(hero, VENV / "bin" / "python", _mise())


def machine(context: Tools) -> dict[str, str]:
    """What the numbers depend on; nothing that names the machine."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}, {platform.machine()}",
        "kernel": platform.release().partition("-")[0],
        "Python": platform.python_version(),
        "nginx": _first(["nginx", "-v"], lambda text: text.rpartition("/")[2]),
        "curl": _first(["curl", "--version"], lambda text: text.split()[1]),
        "OpenSSL": _first(["openssl", "version"], lambda text: text.split()[1]),
        "mise": _first([str(context.mise), "--version"], lambda text: text.split()[0])
        if context.mise
        else "not at hand",
    }


def commit() -> str:
    """The commit that is measured; with a + where the sources differ from it."""
    words = ("git", "-C", str(CHECKOUT))
    name = subprocess.run([*words, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True).stdout
    changed = subprocess.run([*words, "diff", "--quiet", "HEAD", "--", "hero_build", "recipes"], check=False).returncode
    return name.strip() + ("+" if changed else "")


def _hero_build() -> Path:
    """hero-build in an environment of its own, installed as `pip install` does: compiled, with its recipes inside."""
    program, stamp = VENV / "bin" / "hero-build", VENV / "installed"
    now = _sources()
    if not (stamp.is_file() and stamp.read_text() == now):
        python = VENV / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--requirement", str(CHECKOUT / "requirements.txt")], check=True)
        subprocess.run([*pip, "--no-deps", "--force-reinstall", str(CHECKOUT)], check=True)
        stamp.write_text(now)
    return program


def _sources() -> str:
    digest = hashlib.sha256()
    files = [*(CHECKOUT / "hero_build").rglob("*.py"), *(CHECKOUT / "recipes").glob("*.py")]
    for path in (*sorted(files), CHECKOUT / "pyproject.toml", CHECKOUT / "requirements.txt"):
        digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _mise() -> Path | None:
    program = TOOLS / "node_modules" / "@jdxcode" / "mise" / "bin" / "mise"
    if not program.is_file() and shutil.which("npm"):
        TOOLS.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(TOOLS), "--no-save", "--no-audit", "--no-fund", _MISE]
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL)
    return program if program.is_file() else None


def ubi() -> Path | None:
    """ubi, which cargo compiles once, for some minutes; None where it cannot."""
    return _by_cargo("ubi", _UBI)


def binstall() -> Path | None:
    """cargo-binstall, likewise; None with a Rust before 1.96."""
    return _by_cargo("cargo-binstall", _BINSTALL, "--no-default-features", "--features", "rustls")


def _by_cargo(name: str, crate: str, *options: str) -> Path | None:
    folder = TOOLS / name
    program = folder / "bin" / name
    if not program.is_file() and shutil.which("cargo"):
        words = ["cargo", "install", crate, "--locked", "--quiet", *options, "--root", str(folder)]
        subprocess.run([*words, "--target-dir", str(folder / "target")], check=False)
        shutil.rmtree(folder / "target", ignore_errors=True)
    return program if program.is_file() else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "?"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")


def _first(command: list[str], pick: Callable[[str], str]) -> str:
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": path, "HOME": str(TOOLS)})
    text = (done.stdout or done.stderr).strip()
    return pick(text.splitlines()[0]) if text else "?"
