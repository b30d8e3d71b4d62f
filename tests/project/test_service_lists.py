"""The runbook names the services of the fleet's machines as recipes/_sets.py has them."""

import re

from hero_build.catalog import loader
from tools import service_lists

CATALOG = loader.load(())
TEXT = service_lists.PAGE.read_text()


def test_the_page_is_what_make_docs_writes() -> None:
    assert service_lists.page() == TEXT


def test_it_names_every_app_of_both_sets() -> None:
    for name in service_lists.SETS:
        table = TEXT.split(f"`@{name}`, in the order")[1].split("\n\n")[1]
        assert tuple(re.findall(r"^\| (hero_\w+) \|", table, re.M)) == CATALOG.sets[name]


NO_APPS = {"hero_build", "hero_set", "hero_hosts", "hero_lock"}
"""This project, and the collection's module and variables."""


def test_the_pages_of_the_fleet_name_no_app_that_its_machines_do_not_have() -> None:
    members = {app for name in service_lists.SETS for app in CATALOG.sets[name]}
    for page in (service_lists.PAGE, service_lists.PAGE.with_name("fleet.md")):
        words = set(re.findall(r"\bhero_[a-z]+", page.read_text())) - NO_APPS
        assert words <= members
