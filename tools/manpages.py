"""Write the manual pages in docs/man/ from the help texts of the commands: `make man`.

One page for `hero-build` and one for each command; the wheel installs them under share/man/man1. Exit codes and
variables come from the tables in docs/. A test holds the files equal to what this writes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from hero_build import __version__
from hero_build.cli.app import hero_build, summaries
from hero_build.cli.base import NAMES

DOCS = Path(__file__).parents[1] / "docs"
MAN = DOCS / "man"
PROGRAM = "hero-build"


def pages() -> Mapping[Path, str]:
    """The text of every manual page by its path."""
    documents = {PROGRAM: _program()}
    for words, command in _commands(hero_build, ()):
        documents["-".join((PROGRAM, *words))] = _command(words, command)
    return {MAN / f"{name}.1": text for name, text in documents.items()}


def _commands(group: click.Group, before: Sequence[str]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with its words, `("ci", "matrix")`; groups before their commands."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        words = (*before, name)
        yield words, command
        if isinstance(command, click.Group):
            yield from _commands(command, words)


def _program() -> str:
    context = _context(hero_build, PROGRAM)
    commands = [(f"{PROGRAM} {name}", text) for name, text in summaries().items()]
    return _page(
        PROGRAM,
        ("NAME", _name(PROGRAM, "install, update, build and publish the programs of Hero OS")),
        ("SYNOPSIS", _synopsis(PROGRAM, context)),
        ("DESCRIPTION", _paragraphs(hero_build.help or "")),
        ("COMMANDS", _definitions(commands)),
        ("OPTIONS", _definitions(_records(context))),
        ("EXIT STATUS", _definitions(_exit_codes())),
        ("ENVIRONMENT", _definitions(_variables())),
        ("SEE ALSO", _references(f"{PROGRAM}-{name}" for name in summaries())),
    )


def _command(words: Sequence[str], command: click.Command) -> str:
    name, typed = "-".join((PROGRAM, *words)), " ".join((PROGRAM, *words))
    context = _context(command, typed)
    summary, _, rest = (command.help or "").partition("\n\n")
    first, _, more = " ".join(summary.split()).partition(". ")
    own = [record for param, record in _options(context) if param.name not in NAMES]
    common = [record for param, record in _options(context) if param.name in NAMES]
    commands = []
    if isinstance(command, click.Group):
        below = {name: command.commands[name] for name in command.list_commands(context)}
        commands = [(f"{typed} {name}", item.get_short_help_str(200)) for name, item in below.items()]
    return _page(
        name,
        ("NAME", _name(name, first[:1].lower() + first[1:].removesuffix("."))),
        ("SYNOPSIS", _synopsis(typed, context)),
        ("DESCRIPTION", _paragraphs("\n\n".join(text for text in (first.removesuffix(".") + ".", more, rest) if text))),
        ("COMMANDS", _definitions(commands)),
        ("OPTIONS", _definitions(own)),
        ("GLOBAL OPTIONS", _definitions(common)),
        ("EXAMPLES", _examples(command.epilog or "")),
        ("EXIT STATUS", _paragraphs("See hero-build(1).")),
        ("SEE ALSO", _references((PROGRAM, *("-".join((PROGRAM, *line.split()[1:])) for line, _ in commands)))),
    )


def _context(command: click.Command, typed: str) -> click.Context:
    return click.Context(command, info_name=typed, **command.context_settings)


def _page(name: str, *sections: tuple[str, str]) -> str:
    head = f'.TH {_escaped(name.upper())} 1 "" "hero\\-build {__version__}" "User Commands"\n'
    return head + "".join(f".SH {title}\n{text}" for title, text in sections if text)


def _name(name: str, summary: str) -> str:
    return f"{_escaped(name)} \\- {_escaped(summary)}\n"


def _synopsis(typed: str, context: click.Context) -> str:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    return f".B {_escaped(typed)}\n{_escaped(pieces)}\n"


def _records(context: click.Context) -> Sequence[tuple[str, str]]:
    return [record for _, record in _options(context)]


def _options(context: click.Context) -> Iterator[tuple[click.Parameter, tuple[str, str]]]:
    for param in context.command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record is not None:
            yield param, record


def _definitions(records: Sequence[tuple[str, str]]) -> str:
    return "".join(f".TP\n.B {_escaped(term)}\n{_line(text)}\n" for term, text in records)


def _paragraphs(text: str) -> str:
    """Paragraphs of a help text; one that begins with \\b keeps its lines."""
    written = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        kept, _, lines = paragraph.partition("\b\n")
        if lines and not kept.strip():
            written.append(f".nf\n{_lines(lines)}.fi\n")
        else:
            written.append(f"{_line(' '.join(paragraph.split()))}\n")
    return ".PP\n".join(written)


def _examples(epilog: str) -> str:
    return _paragraphs(re.sub(r"\AExamples:\s*", "", epilog.strip())) if epilog.strip() else ""


def _references(names: Iterator[str] | Sequence[str]) -> str:
    listed = [f".BR {_escaped(name)} (1)" for name in names]
    return " ,\n".join(listed) + "\n" if listed else ""


def _exit_codes() -> Sequence[tuple[str, str]]:
    lines = [line for line in (DOCS / "exit-codes.md").read_text().splitlines() if re.match(r"\| \d", line)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(code, _plain(meaning)) for code, meaning, *_ in rows]


def _variables() -> Sequence[tuple[str, str]]:
    """Those of the table of settings, with their default."""
    table = (DOCS / "install.md").read_text().split("## Settings")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    columns = [(row[head.index("variable")], row[head.index("default")]) for row in rows]
    return [(_plain(name), f"Default: {_plain(default)}.") for name, default in columns if name]


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "").replace("\\|", "|")


def _lines(text: str) -> str:
    return "".join(f"{_line(line.strip())}\n" for line in text.splitlines())


def _line(text: str) -> str:
    """One line of text; a dot or a quote at its begin would be a request of troff."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def main() -> None:
    texts = pages()
    MAN.mkdir(exist_ok=True)
    for path in set(MAN.iterdir()) - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.write_text(text)
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
