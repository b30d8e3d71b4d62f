"""Limits for tests against a server that misbehaves, and a token that must not show up anywhere."""

from hero_build.forge.limits import Limits

QUICK = Limits(connect=2, stall=0.3, answer=1.5, transfer=5, attempts=3, backoff=0.001, longest=0.01)
TOKEN = "3b1946ac92492d2347c6235b4d2611184e1b7a01"
