"""The callback hero.os.coverage."""

from __future__ import annotations

DOCUMENTATION = r"""
name: coverage
type: aggregate
short_description: Say which machines a playbook did not bring to the set
version_added: 0.1.0
description:
  - At the end of a playbook, also of one that stopped, lists every machine that its plays name and that does not have
    what was asked for, as failed, unreachable or not attempted.
author:
  - The authors of hero-build (@lhumina_code)
requirements:
  - V(hero.os.coverage) in C(callbacks_enabled)
"""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "hero.os.coverage"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._counts = True
        self._machines, self._attempted, self._failed, self._unreachable = set(), set(), set(), set()

    def v2_playbook_on_play_start(self, play):
        """Remember every machine of the play, also those of later waves."""
        self._counts = play.vars.get("hero_counted", True)
        if self._counts:
            inventory = play.get_variable_manager()._inventory
            self._machines.update(host.name for host in inventory.get_hosts(play.hosts, ignore_restrictions=True))

    def v2_runner_on_ok(self, result):
        self._attempt(result, set())

    def v2_runner_on_skipped(self, result):
        self._attempt(result, set())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._attempt(result, set() if ignore_errors else self._failed)

    def v2_runner_on_unreachable(self, result):
        self._attempt(result, self._unreachable)

    def v2_playbook_on_stats(self, stats):
        groups = {
            "failed": self._failed,
            "unreachable": self._unreachable,
            "not attempted": self._machines - self._attempted,
        }
        missed = set().union(*groups.values())
        self._display.display(f"COVERAGE: {len(self._machines - missed)} of {len(self._machines)} machines")
        for name, machines in groups.items():
            if machines:
                self._display.display(f"  {name} ({len(machines)}): {', '.join(sorted(machines))}", color="red")

    def _attempt(self, result, group):
        """A task ended on a machine, which joins that group, too."""
        if self._counts:
            self._attempted.add(result.host.name)
            group.add(result.host.name)
