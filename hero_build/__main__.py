"""`python -m hero_build`: the same as `hero-build`."""

from hero_build.cli import run

run()
