"""click's usage errors, each as one sentence and a hint. Imported only for an error."""

import sys

import click

from hero_build.cli.examples import EXAMPLES
from hero_build.cli.suggestions import unknown_option
from hero_build.errors import UsageError

_OF_ONE_APP = "`hero-build history` lists the generations; one app alone: `hero-build install APP@VERSION`."


class UnknownCommand(click.UsageError):
    """A command that does not exist, with the hint that fits what was typed."""

    def __init__(self, message: str, hint: str, ctx: click.Context) -> None:
        super().__init__(message, ctx)
        self.hint = hint


def usage_error(error: click.ClickException) -> UsageError:
    """The error in the form of every other: a sentence without a full stop, and the next step."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "hero-build"
    hint = f"`{path} --help` lists its arguments and options."
    match error:
        case UnknownCommand():
            return UsageError(error.message, error.hint)
        case click.NoSuchOption() if context:
            known = _options(context)
            return UsageError(*unknown_option(_typed(error.option_name, known), known, path))
        case click.MissingParameter(param=click.Parameter() as param):
            return UsageError(_missing(param, context, path), _example(context) or hint)
        case click.BadParameter(param=click.Parameter() as param):
            is_generation = context is not None and context.info_name == "rollback"
            return UsageError(_invalid(param, error.message), _OF_ONE_APP if is_generation else hint)
        case click.BadOptionUsage() if "requires an argument" in error.message:
            return UsageError(f"{error.option_name} needs a value", "Write one after it, or leave the option out.")
    text = _lower(error.format_message())
    if (extra := text.partition("unexpected extra argument")[2]) and context:
        words = extra.removeprefix("s").strip(" ()")
        return UsageError(f"{path} takes fewer arguments: {words} is too much", f"Usage: {_usage(context)}")
    return UsageError(text, hint)


def _example(context: click.Context | None) -> str:
    """The first example of a command, and how it is used."""
    if context is None:
        return ""
    lines = EXAMPLES.get(context.info_name or "", ())
    example = f"For example `hero-build {lines[0]}`; usage: " if lines else "Usage: "
    return f"{example}{_usage(context)}"


def _usage(context: click.Context) -> str:
    return " ".join(context.get_usage().partition(": ")[2].split())


def _missing(param: click.Parameter, context: click.Context | None, path: str) -> str:
    """Of several arguments all that are needed: of `APP... DIR`, click takes the only one for DIR."""
    if isinstance(param, click.Option) or context is None:
        return f"{path} needs {_name(param)}" + (f" {param.metavar}" if isinstance(param, click.Option) else "")
    arguments = [item for item in context.command.params if isinstance(item, click.Argument) and item.required]
    names = [_name(item) for item in arguments] if param.nargs != 1 else [_name(param)]
    return f"{path} needs {' and '.join(names)}"


def _invalid(param: click.Parameter, reason: str) -> str:
    """`--keep: 0 is too small …`; numbers and choices in plain words, everything else as click says it."""
    text = _lower(reason)
    if isinstance(param.type, click.IntRange) and "is not a valid integer" in text:
        return f"{_name(param)} takes a whole number, and {text.partition(' is not')[0]} is not one"
    if isinstance(param.type, click.IntRange) and param.type.min is not None:
        return f"{_name(param)} takes a number from {param.type.min}, not {text.partition(' ')[0]}"
    if isinstance(param.type, click.Choice):
        return f"{_name(param)} takes {' or '.join(map(str, param.type.choices))}, not {text.partition(' is not')[0]}"
    return f"{_name(param)}: {text}"


def _name(param: click.Parameter) -> str:
    """`--tag`, or `APP` for an argument."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.human_readable_name if param.metavar is None else param.metavar).strip("[].")


def _options(context: click.Context) -> list[str]:
    """Those of a command; where it takes apps, also the set that stands for all of them."""
    params = context.command.get_params(context)
    sets = ["@all"] if any(param.name == "apps" for param in params) else []
    return [*(name for param in params for name in (*param.opts, *param.secondary_opts)), *sets]


def _typed(option: str, known: list[str]) -> str:
    """A long option with one dash, such as -locked, as it was typed: click takes it for several short ones."""
    return next((word for word in sys.argv if word.startswith(option) and f"-{word}" in known), option)


def _lower(sentence: str) -> str:
    text = sentence.strip().rstrip(".")
    return text[:1].lower() + text[1:]
