"""`python -m hero_build`: the same as `hero-build`."""

import sys

from hero_build.cli import run

sys.exit(run())
