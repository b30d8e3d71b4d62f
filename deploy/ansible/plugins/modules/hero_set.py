#!/usr/bin/python
"""The module hero.os.hero_set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hero_set
short_description: Bring a machine to a pinned set of programs
version_added: 0.1.0
description:
  - Installs what a lock file pins, with hero-build on the managed node. A machine that has it already sends no request.
  - Each app switches as a whole. With O(rollback=true) a machine whose services are not healthy afterwards
    rolls back by itself, also when the controller is gone by then; the task fails.
author:
  - The authors of hero-build (@lhumina_code)
requirements:
  - hero-build on the managed node
extends_documentation_fragment:
  - hero.os.root
attributes:
  check_mode:
    description: Can run in check_mode and predict changes without modifying the machine.
    support: full
  diff_mode:
    description: Lists the versions before and after.
    support: full
options:
  lock:
    description:
      - The content of a lock file, as C(hero-build lock) writes it.
      - It becomes the machine's current lock at O(lock_path) once it is installed.
    type: str
  at:
    description: Where the files are, such as a mirror's address, instead of where the lock was made.
    type: str
  digest:
    description: The digest of the lock; another one is refused before anything else happens.
    type: str
  trust:
    description: The minisign public key that has to have signed the lock.
    type: str
  pack:
    description:
      - A pack on the managed node, which brings its own lock and files; needs no network.
      - O(lock_path) stays as it is. O(lock) with the pack in O(at) replaces it.
    type: path
  apps:
    description: Install only these apps of the lock.
    type: list
    elements: str
    default: []
  exact:
    description: Remove apps that the lock does not have, in the same generation.
    type: bool
    default: false
  restart:
    description: Restart running services whose programs changed.
    type: bool
    default: false
  rollback:
    description: Roll back if a service is not healthy after its restart. Implies O(restart=true).
    type: bool
    default: false
  start:
    description:
      - Start these apps, services or sets afterwards, in order, and wait until each is healthy.
      - What runs as it is installed and defined, and is healthy, is left alone.
    type: list
    elements: str
    default: []
  signature:
    description: The content of the lock's C(.minisig) file, for O(trust).
    type: str
  lock_path:
    description: Where the current lock of the machine is. By default C(cfg/set.lock) in the root.
    type: path
"""

EXAMPLES = r"""
- name: Bring the machine to the pinned set
  hero.os.hero_set:
    lock: "{{ lookup('ansible.builtin.file', 'locks/tester.lock', rstrip=false) }}"
    at: http://mirror.example:8080
    digest: "{{ hero_lock_digest }}"
    exact: true
    rollback: true
    user: hero

- name: Install everything from a pack, without a network
  hero.os.hero_set:
    pack: /var/tmp/tester.pyz
    user: hero
"""

RETURN = r"""
before:
  description: The generation before.
  returned: when hero-build answered
  type: int
  sample: 12
after:
  description: The generation afterwards; equal to RV(before) if nothing changed.
  returned: when hero-build answered
  type: int
  sample: 13
restarted:
  description: The services that were restarted.
  returned: when hero-build answered
  type: list
  elements: str
  sample: [hero_db_server]
started:
  description: The services that O(start) started, or would start.
  returned: when hero-build answered
  type: list
  elements: str
rolled_back:
  description: Whether the machine rolled back, because a service was not healthy.
  returned: when hero-build answered
  type: bool
healthy_again:
  description: Whether every service that was healthy before is so after the rollback. Null without a rollback.
  returned: when hero-build answered
  type: bool
lock_digest:
  description: The digest of the lock.
  returned: when a lock was installed
  type: str
failed_apps:
  description: The apps that failed; each kept its old version.
  returned: when hero-build answered
  type: list
  elements: str
exit_code:
  description: The exit code of hero-build.
  returned: always
  type: int
"""

import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hero.os.plugins.module_utils.hero_build import (
    COMMON_ARGUMENTS,
    MACHINE,
    HeroBuild,
    NoAnswer,
    failures,
    sentence,
)
from ansible_collections.hero.os.plugins.module_utils.install_answer import changes, diff
from ansible_collections.hero.os.plugins.module_utils.set_lock import LOCK, SIGNATURE, read, write_readable

ARGUMENTS = {
    **COMMON_ARGUMENTS,
    "lock": {"type": "str"},
    "at": {"type": "str"},
    "digest": {"type": "str", "no_log": False},
    "trust": {"type": "str", "no_log": False},
    "pack": {"type": "path"},
    "apps": {"type": "list", "elements": "str", "default": []},
    "exact": {"type": "bool", "default": False},
    "restart": {"type": "bool", "default": False},
    "rollback": {"type": "bool", "default": False},
    "start": {"type": "list", "elements": "str", "default": []},
    "signature": {"type": "str"},
    "lock_path": {"type": "path"},
}


def main():
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_one_of=[("lock", "pack")],
        mutually_exclusive=[("lock", "pack"), ("pack", "at"), ("pack", "digest"), ("pack", "trust")],
    )
    try:
        host = HeroBuild(module)
        code, document = _install_pack(host) if module.params["pack"] else _install_lock(host)
        result = _result(host, code, document)
        if module.params["start"]:
            result.update(_start(host, result))
    except NoAnswer as error:
        module.fail_json(msg=error.message, **{"exit_code": MACHINE, **error.fields})
    module.exit_json(**result)


def _install_pack(host):
    return host.answer("install", *_options(host.module), executable=host.module.params["pack"])


def _install_lock(host):
    """Install from the current lock if it is the wanted one; otherwise from the new one, which then takes its place."""
    params = host.module.params
    path = params["lock_path"] or os.path.join(host.root, LOCK)
    files = {"": params["lock"], SIGNATURE: params["signature"]}
    if all(read(path + suffix) == text for suffix, text in files.items()):
        return host.answer("install", "--locked", path, *_options(host.module))
    folder = tempfile.mkdtemp(prefix="hero-set-")
    try:
        code, document = host.answer("install", "--locked", write_readable(folder, files), *_options(host.module))
    finally:
        shutil.rmtree(folder)
    if code == 0 and not host.module.check_mode:
        host.replace(path, files)
    return code, document


def _options(module):
    params = module.params
    flags = {
        "--exact": params["exact"],
        "--restart": params["restart"] or params["rollback"],
        "--rollback-on-failure": params["rollback"],
        "--dry-run": module.check_mode,
    }
    values = {"--at": params["at"], "--digest": params["digest"], "--trust": params["trust"]}
    words = [flag for flag, on in flags.items() if on]
    words += [word for flag, value in values.items() if value for word in (flag, value)]
    return [*words, "--", *params["apps"]]


def _result(host, code, document):
    """The module's result. Does not return where something failed."""
    failed = failures(document)
    if "before" not in document:
        host.module.fail_json(msg=sentence(failed), exit_code=code, kind=failed[0]["kind"])
    apps = sorted({item["app"] for item in failed if item["app"]})
    result = {
        "before": document["before"],
        "after": document["after"],
        "changed": changes(document),
        "restarted": [item["service"] for item in (document["restart"] or {}).get("restarted", ())],
        "started": [],
        "rolled_back": document["result"] == "rolled_back",
        "healthy_again": document.get("healthy_again"),
        "lock_digest": document.get("lock"),
        "failed_apps": apps,
        "exit_code": code,
        "diff": diff(host.module.params["root"] or "hero", document["parts"]),
    }
    if code:
        host.module.fail_json(msg=sentence(failed), **result)
    return result


def _start(host, result):
    """What starting changes in the result. Does not return where a service is not healthy."""
    names = host.module.params["start"]
    if host.module.check_mode:
        started = _down(host, names)
    else:
        code, document = host.answer("start", *names)
        failed = failures(document)
        if failed:
            host.module.fail_json(msg=sentence(failed), **{**result, "exit_code": code})
        started = [item["service"] for item in document["services"] if item["result"] in ("started", "restarted")]
    return {"started": started, "changed": result["changed"] or bool(started)}


def _down(host, names):
    """The services that do not run."""
    _code, document = host.answer("status", *names)
    services = [item for app in document.get("apps", ()) for item in app["services"]]
    return [item["name"] for item in services if item["state"] != "running"]


if __name__ == "__main__":
    main()
