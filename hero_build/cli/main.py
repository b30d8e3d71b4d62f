"""From arguments to an exit code: every run ends with an answer, or with an error, a hint and an exit code."""

import os
import sys
from collections.abc import Sequence

import click

from hero_build.cli import signals
from hero_build.cli.guard import accept_any_text
from hero_build.errors import UsageError
from hero_build.output.console import Console, Style, cannot_write


def main(group: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line; returns its exit code."""
    accept_any_text()
    try:
        code = group.main(list(arguments), prog_name="hero-build", standalone_mode=False)
    except SystemExit:
        return 0  # click exits when the reader of a help text closes the pipe
    except click.ClickException as error:
        signals.enter_ending()
        return _console(error, arguments).error(_usage_error(error))
    except click.Abort:
        signals.end_process(signals.SIGINT)
    except OSError as error:  # click printed a help page or a completion script
        return _console(error, arguments).error(cannot_write(error))
    return code if isinstance(code, int) else 0


def _console(error: Exception, arguments: Sequence[str]) -> Console:
    """For what ends outside a command: --json is searched for by hand."""
    context = getattr(error, "ctx", None)
    command = context.info_name if context and context.parent else ""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Console(command, style=Style(json="--json" in options), out=sys.stdout, err=sys.stderr, environ=os.environ)


def _usage_error(error: click.ClickException) -> UsageError:
    from hero_build.cli.sentences import usage_error  # only for an error

    return usage_error(error)
