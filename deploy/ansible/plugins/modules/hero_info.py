#!/usr/bin/python
"""The module hero.os.hero_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hero_info
short_description: Read what is installed on a machine and what runs
version_added: 0.1.0
description:
  - Asks hero-build on the managed node for its status. Changes nothing and asks no server.
author:
  - The authors of hero-build (@lhumina_code)
requirements:
  - hero-build on the managed node
extends_documentation_fragment:
  - hero.os.root
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
options:
  verify:
    description: Read every installed byte, rather than compare size and time of the files.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read what the machine has
  hero.os.hero_info:
    user: hero
  register: machine
"""

RETURN = r"""
generation:
  description: The current generation.
  returned: success
  type: int
  sample: 13
lock_digest:
  description: The sha256 of the lock file that the machine has; null where it has something else.
  returned: success
  type: str
versions:
  description: The installed version of each app.
  returned: success
  type: dict
  sample: {hero_db: v0.3.2}
damaged:
  description: The apps whose files are not what was installed.
  returned: success
  type: list
  elements: str
older:
  description: The programs that run from content that has been replaced since.
  returned: success
  type: list
  elements: str
down:
  description: The services that should run and do not.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hero.os.plugins.module_utils.hero_build import (
    COMMON_ARGUMENTS,
    HeroBuild,
    NoAnswer,
    failures,
    sentence,
)


def main():
    module = AnsibleModule(
        argument_spec={**COMMON_ARGUMENTS, "verify": {"type": "bool", "default": False}}, supports_check_mode=True
    )
    try:
        host = HeroBuild(module)
        _code, status = host.answer("status")
        damaged = _damaged(host, status)
    except NoAnswer as error:
        module.fail_json(msg=error.message, **error.fields)
    installed = [app for app in status["apps"] if app["version"]]
    services = [service for app in installed for service in app["services"]]
    module.exit_json(
        changed=False,
        generation=status["generation"],
        lock_digest=status.get("lock"),
        versions={app["name"]: app["version"] for app in installed},
        damaged=damaged,
        older=sorted({item["binary"] for app in installed for item in app["processes"] if item["state"] == "old"}),
        down=sorted(item["name"] for item in services if item["wanted"] == "running" != item["state"]),
    )


def _damaged(host, status):
    """The damaged apps. Raises NoAnswer."""
    if "error" in status:
        raise NoAnswer(sentence(failures(status)))
    if not host.module.params["verify"]:
        return sorted(app["name"] for app in status["apps"] if app["state"] == "damaged")
    _code, verified = host.answer("verify")
    if "error" in verified:
        raise NoAnswer(sentence(failures(verified)))
    return sorted(app["name"] for app in verified["apps"] if app["damage"])


if __name__ == "__main__":
    main()
