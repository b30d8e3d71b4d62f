"""Four islands and the shell of a desktop as people write them: dioxus 0.7 and dioxus-bootstrap-css, two repositories.

What they depend on takes minutes to compile, an island seconds.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench import islands
from bench.islands import Archipelago
from bench.places import CHECKOUT

SHELL_APP = "lhumina_code/hero_os"
NAMES = ("contacts", "kanban", "notes", "weather")
EDITED = "notes"
_STEP = re.compile(r"STEP: i32 = (\d+)")
_DEPENDENCIES = """\
dioxus = {{ version = "0.7", features = ["web"] }}
dioxus-bootstrap-css = "0.7"
wasm-bindgen = "={bindgen}"
"""
_WORKSPACE = """\
[workspace]
members = ["{members}"]
resolver = "2"

[workspace.dependencies]
{dependencies}
[profile.release]
opt-level = "s"
"""
_MANIFEST = """\
[package]
name = "{name}"
version = "0.1.0"
edition = "2021"
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
dioxus.workspace = true
dioxus-bootstrap-css.workspace = true
wasm-bindgen.workspace = true
"""
_SOURCE = """\
use dioxus::prelude::*;
use dioxus_bootstrap_css::prelude::*;
use wasm_bindgen::prelude::*;

const STEP: i32 = {step};

#[wasm_bindgen]
pub fn mount(id: String) {{
    let config = dioxus::web::Config::new().rootname(id);
    dioxus::LaunchBuilder::web().with_cfg(config).launch(app);
}}

fn app() -> Element {{
    let mut count = use_signal(|| 0);
    rsx! {{
        Container {{ class: "py-4",
            Row {{
                Col {{
                    Card {{
                        header: rsx! {{ "{name}" }},
                        body: rsx! {{
                            p {{ "{{count}}" }}
                            Button {{ color: Color::Primary, onclick: move |_| count += STEP, "Add" }}
                        }},
                    }}
                    Alert {{ color: Color::Success, "This is {name}." }}
                }}
            }}
        }}
    }}
}}
"""


def repositories(folder: Path) -> tuple[Archipelago, Archipelago]:
    """The islands and the shell, in one directory mirror; their crates are fetched, and nothing is compiled."""
    sys.path.insert(0, str(CHECKOUT / "tests"))  # where the tests have the toolchain
    from support import wasm_toolchain

    programs = wasm_toolchain.ready()
    islands_repo = _repository(folder, islands.APP, programs, {name: f"islands/{name}" for name in NAMES})
    shell_repo = _repository(folder, SHELL_APP, programs, {"hero_os_app": "app"})
    return islands_repo, shell_repo


def edit(tree: Path) -> None:
    """One source file of one island; never to what it was before."""
    path = tree / "islands" / EDITED / "src" / "lib.rs"
    path.write_text(_STEP.sub(lambda match: f"STEP: i32 = {int(match[1]) + 1}", path.read_text()))


def _repository(folder: Path, repo: str, programs: Path, crates: dict[str, str]) -> Archipelago:
    """A workspace of these crates (name → folder) with a lock file, as a repository of the mirror."""
    from support import git_repos

    tree = folder / "trees" / repo
    for path, text in _files(crates).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["cargo", "fetch", "--quiet"], cwd=tree, env=env, check=True)
    files = {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}
    shown = git_repos.upstream(folder / "mirror", repo=repo, files=files, branch="development")
    return Archipelago(folder / "mirror", clone=shown.work, names=tuple(crates), programs=programs)


def _files(crates: dict[str, str]) -> dict[str, str]:
    from support import wasm_toolchain

    dependencies = _DEPENDENCIES.format(bindgen=wasm_toolchain.WASM_BINDGEN)
    members = '", "'.join(crates.values())
    files = {
        ".gitignore": "/target\npkg\n",
        "Cargo.toml": _WORKSPACE.format(members=members, dependencies=dependencies),
    }
    for step, (name, place) in enumerate(crates.items(), 1):
        files[f"{place}/Cargo.toml"] = _MANIFEST.format(name=name)
        files[f"{place}/src/lib.rs"] = _SOURCE.format(name=name, step=step)
    return files
