"""`hero_set` with a pack, on a machine that reaches no server; and what is not in a lock."""

from support.ansible_fleet import Fleet
from support.packs import CACHE

TASK = """
- hosts: testers
  gather_facts: false
  tasks:
    - name: Install from the pack
      hero.os.hero_set: {pack: "%s", root: "{{ hero_root }}"}
"""


def test_a_machine_without_a_network_gets_everything_from_a_pack(fleet: Fleet) -> None:
    fleet.world.recipe("tool")
    fleet.world.release("tool", "v1")
    pack, playbook = fleet.world.folder / "tool.pyz", fleet.world.folder / "pack.yml"
    done = fleet.world.run("pack", "tool@v1", "-o", str(pack), env={"HERO_BUILD_CACHE": str(CACHE)})
    assert done.code == 0, done.err
    playbook.write_text(TASK % pack)
    with fleet.without_mirror():
        predicted = fleet.play(str(playbook), "--check")
        assert (predicted.code, predicted.changed) == (0, ["t1"]), predicted.out
        assert not fleet.hosts["t1"].root.current.exists()
        first, again = fleet.play(str(playbook)), fleet.play(str(playbook))
    assert (first.code, first.changed, again.code, again.changed) == (0, ["t1"], 0, []), first.out
    assert fleet.versions("tool") == {"t1": "v1"}


def test_an_app_that_is_not_in_the_lock_goes(fleet: Fleet) -> None:
    for app in ("tool", "other"):
        fleet.world.recipe(app)
        fleet.world.release(app, "v1")
    both, one = fleet.lock("tool@v1", "other@v1"), fleet.lock("tool@v1")
    assert fleet.converge(both).changed == ["t1"]
    predicted = fleet.converge(one, "--check", "--diff")
    assert (predicted.changed, fleet.versions("other")) == (["t1"], {"t1": "v1"})
    done = fleet.converge(one, "--diff")
    assert (done.code, fleet.versions("other"), fleet.versions("tool")) == (0, {"t1": None}, {"t1": "v1"}), done.out
    diffs = [run.results["t1"]["diff"] for run in (predicted, done)]
    assert [(diff["before"], diff["after"]) for diff in diffs] == [("other v1\ntool v1\n", "tool v1\n")] * 2
    assert fleet.converge(one).changed == []
