"""Tiny std-only Rust repositories, compiled in a fraction of a second."""

from pathlib import Path

from support import git_repos

MAIN = "fn main() {{ {body} }}\n"


def manifest(name: str, extra: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{extra}'


def program(text: str) -> str:
    return f'fn main() {{ println!("{text}"); }}\n'


LOCK = '# made by hand\nversion = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\n'
APP = {
    ".gitignore": "/target\n",
    "Cargo.toml": manifest("app"),
    "Cargo.lock": LOCK,
    "src/bin/app.rs": program("app"),
    "src/bin/app_server.rs": program("server"),
}
"""One package with two programs, as a repo has it."""


def app(folder: Path, **changed: str | None) -> Path:
    """APP as a git repository; `changed` files are written in place of the usual ones (None: left out)."""
    files = {name: text for name, text in {**APP, **changed}.items() if text is not None}
    return git_repos.repository(folder, files)
