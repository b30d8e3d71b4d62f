"""The shipped recipes over repos of the stack's own shapes, as tests/world/ has them."""

from support import roots, rust_world, source_builds
from support.source_builds import installed_app
from support.worlds import World


def test_six_services_in_one_with_their_repos_beside(home: World) -> None:
    """hero_bundle by its shipped recipe: its path dependencies are found, and a change in one of them is a change."""
    mirror = rust_world.mirror(home.folder, "hero_bundle")
    assert mirror == home.mirror
    done = home.run("install", "hero_bundle")
    assert done.code == 0, done.err
    code = home.root.path / "code0" / rust_world.OWNER
    beside = {path.name for path in code.iterdir() if path.name != ".hero-build"}
    assert beside == {"hero_bundle", *rust_world.siblings("hero_bundle")}
    assert (home.root.path / "bin" / "hero_bundle").exists()
    assert installed_app(home, "hero_bundle")["build"]["ref"] == rust_world.BRANCH
    assert "nothing to do" in home.ok("install", "hero_bundle")
    library = code / "hero_db" / "src" / "lib.rs"
    library.write_text(library.read_text() + "\n// mine\n")
    assert "siblings" in home.ok("install", "hero_bundle", "-n")
    roots.settled(home.root)


def test_a_child_daemon_is_installed_and_is_none_to_start(home: World) -> None:
    """hero_livekit by its shipped recipe, beside hero_db: two repos, a build each."""
    rust_world.mirror(home.folder, "hero_livekit", "hero_db")
    home.ok("install", "hero_livekit", "hero_db")
    kinds = {name: item["kind"] for name, item in installed_app(home, "hero_livekit")["binaries"].items()}
    assert kinds["lk-backend"] == "cli"
    assert kinds["hero_livekit_server"] == "server"
    assert set(source_builds.manifest(home)["apps"]) == {"hero_db", "hero_livekit"}
    assert "nothing to do: 2 apps as asked, intact" in home.ok("install", "hero_livekit", "hero_db")
    roots.settled(home.root)
