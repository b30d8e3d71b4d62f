"""Write the table of the services in docs/runbook.md, from recipes/_sets.py: a part of `make docs`.

A test holds the page equal to what this writes.
"""

from collections.abc import Iterator
from pathlib import Path

from hero_build.catalog import loader

PAGE = Path(__file__).parents[1] / "docs" / "runbook.md"
SETS = ("admin", "tester")
_BEGIN, _END = "<!-- sets: written by `make docs` from recipes/_sets.py -->\n", "<!-- end of sets -->\n"


def page() -> str:
    """The whole page, with the tables as they should be."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    lines = "\n".join(_lines())
    return f"{before}{_BEGIN}{lines}\n{_END}{after}"


def _lines() -> Iterator[str]:
    catalog = loader.load(())
    for name in SETS:
        yield f"`@{name}`, in the order in which it starts:"
        yield ""
        yield "| app | what is started |"
        yield "|---|---|"
        for member in catalog.started_by(f"@{name}"):
            app, _, binary = member.partition("/")
            services = [item.name for item in catalog.get(app).recipe.binaries if item.kind != "cli"]
            names = [f"`{item}`" for item in ([binary] if binary else services)]
            yield f"| {app} | {', '.join(names) or 'every service that its release has'} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
