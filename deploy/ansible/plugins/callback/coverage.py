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
        self._machines = set()

    def v2_playbook_on_play_start(self, play):
        """Remember every machine of the play, also those of later waves."""
        inventory = play.get_variable_manager()._inventory
        self._machines.update(host.name for host in inventory.get_hosts(play.hosts, ignore_restrictions=True))

    def v2_playbook_on_stats(self, stats):
        groups = {
            "failed": set(stats.failures),
            "unreachable": set(stats.dark),
            "not attempted": self._machines - set(stats.processed),
        }
        missed = set().union(*groups.values())
        self._display.display(f"COVERAGE: {len(self._machines - missed)} of {len(self._machines)} machines")
        for name, machines in groups.items():
            if machines:
                self._display.display(f"  {name} ({len(machines)}): {', '.join(sorted(machines))}", color="red")
