"""What a person types: parse, call, hand the answer to output. No decisions are made here."""

import sys


def run() -> int:
    """The `hero-build` command: does what sys.argv says and gives the exit code (docs/exit-codes.md)."""
    from hero_build.cli.group import hero_build
    from hero_build.cli.main import main

    return main(hero_build, sys.argv[1:])
