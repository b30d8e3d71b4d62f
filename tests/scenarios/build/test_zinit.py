"""zinit, which nobody here wrote, from its source by its shipped recipe, from the command line to a running server."""

from pathlib import Path

from support import git_repos, refusals, roots, worlds, zinit_crate, zinit_server
from support.source_builds import installed_app
from support.worlds import World

pytestmark = zinit_crate.marks


def of_zinit(folder: Path, **more: str) -> dict[str, str]:
    """The environment in which hero-build clones zinit below `folder`, and builds it in seconds."""
    mirror = zinit_crate.mirror().as_uri()
    return {**zinit_crate.environment(), "FORGEJO_URL": mirror, "CODEROOT": str(folder / "code"), **more}


def test_installed_by_its_shipped_recipe_it_runs(home: World) -> None:
    with zinit_crate.workshop() as folder:
        done = home.run("install", "zinit", "--mode", "source", env=of_zinit(folder))
        assert done.code == 0, done.err
        assert "crates" in done.err
        again = home.run("install", "zinit", "--mode", "source", env=of_zinit(folder))
        assert "nothing to do: zinit: " in again.out
    assert {name: item["kind"] for name, item in installed_app(home, "zinit")["binaries"].items()} == {
        "zinit": "cli",
        "zinit-server": "server",
    }
    programs = home.root.path / "bin"
    with zinit_server.running(programs / "zinit-server", home.folder) as server:
        assert zinit_server.zinit(programs / "zinit", home.folder, "list") == "No services configured\n"
    assert server.returncode == 0
    roots.settled(home.root)


def test_with_all_its_features_it_does_not_compile(home: World) -> None:
    before = refusals.snapshot(home.root)
    recipes = {"HERO_RECIPES": str(zinit_crate.full())}
    with zinit_crate.workshop() as folder:
        env = of_zinit(folder, **recipes)
        done = home.run("install", "zinit", "--mode", "source", "--json", env=env)
        tree = folder / "code" / zinit_crate.REPO
        assert git_repos.git(tree, "status", "--porcelain") == ""
    assert done.code == 6, done.err
    (problem,) = worlds.valid(done.document)["failed"]
    assert problem["message"].startswith("cargo could not build ")
    assert "error[E0432]: unresolved import `zinit::sdk::ZinitClient`" in problem["message"]
    assert any("src/bin/zinit-pid1" in line for line in problem["tail"])
    assert "E0432" in done.err
    assert Path(problem["log"]).read_text().count("E0432")
    assert refusals.snapshot(home.root) == before
