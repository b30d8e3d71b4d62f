"""The options that the modules of hero.os share: which root, as which user, with which program."""

from __future__ import annotations


class ModuleDocFragment:
    """`extends_documentation_fragment: hero.os.root`."""

    DOCUMENTATION = r"""
options:
  root:
    description: The root of hero-build. By default C(hero) in the user's home folder.
    type: path
  user:
    description: Run hero-build as this user, who owns the root.
    type: str
  executable:
    description: The program hero-build.
    type: str
    default: hero-build
"""
