"""What the document of `install --json` says, in the terms of Ansible."""

from __future__ import annotations


def changes(document):
    """Whether an install changed something, or would."""
    if document["dry_run"]:
        return any(part["state"] != "to keep" for part in document["parts"])
    return document["before"] != document["after"]


def diff(name, parts):
    """Ansible's diff of a root of this name: one line for each part, with its version."""
    before, after = _versions(parts, "version_before"), _versions(parts, "version_after")
    return {"before_header": name, "after_header": name, "before": before, "after": after}


def _versions(parts, field):
    return "".join(sorted(f"{part['part']} {part[field]}\n" for part in parts if part[field]))
