"""Limits for tests against a server that misbehaves, and a token that must not show up anywhere."""

from msgspec.structs import replace

from hero_build.forge.limits import Limits

PATIENT = Limits(connect=60, stall=60, answer=120, transfer=240, attempts=3, backoff=0.001, longest=0.01)
"""Patient with a busy machine; a failed attempt is repeated at once."""
QUICK = replace(PATIENT, stall=2)
"""For a server that stalls."""
TOKEN = "3b1946ac92492d2347c6235b4d2611184e1b7a01"
