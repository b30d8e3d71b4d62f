"""Where a command's answer goes: text or one JSON document to stdout; progress, warnings and errors to stderr."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import HeroBuildError, MachineError
from hero_build.model.failure import Failure, failure
from hero_build.output.phrases import message_lines
from hero_build.output.terminal import Colour, Terminal, open_terminal, program
from hero_build.output.text import clean, plural

if TYPE_CHECKING:
    from hero_build.events import WarningRaised
    from hero_build.output.reporter import Reporter

Page = Callable[[Terminal], Iterable[str]]


class Style(Struct, frozen=True):
    """How to print the answer. `root`: the --root that was typed, for the commands that the output advises."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0
    colour: Colour = "auto"
    root: str | None = None


class Console:
    """Prints one command's answer, warnings and errors. `report` is the Emit for the engine.

    `printed`: the code of the answer, once all of it is on stdout.
    """

    def __init__(self, command: str, style: Style, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self._command = command
        self._style = style
        self._out = out
        self._err = err
        self._writing = False
        self.printed: int | None = None
        self._environ = environ
        self._out_terminal = self._open(out)
        self._err_terminal = self._open(err)

    def _open(self, stream: TextIO) -> Terminal:
        style = self._style
        opened = open_terminal(stream, colour=style.colour, verbose=style.verbose, environ=self._environ)
        return replace(opened, program=program(style.root))

    @cached_property
    def report(self) -> "Reporter":
        from hero_build.output.reporter import Reporter  # only for commands that report progress

        return Reporter(self._err, self._err_terminal, quiet=self._style.quiet)

    @property
    def warnings(self) -> "tuple[WarningRaised, ...]":
        return self.report.warnings if "report" in vars(self) else ()

    @property
    def json(self) -> bool:
        return self._style.json

    def line(self, text: str) -> None:
        """Print one line of an answer that has no end. Raises MachineError if stdout cannot be written."""
        self._end_report()
        self._write(f"{clean(text)}\n")

    def answer(self, result: Struct, page: Page, code: int = 0, failed: Sequence[Failure] = ()) -> int:
        """Print the failures, then the answer; returns `code`. Raises MachineError if stdout cannot be written."""
        self._end_report()
        self._tails(failed)
        self._print_failures(failed)
        if self._style.json:
            from hero_build.output.json_document import render

            self._write(render(self._command, code=code, warnings=self.warnings, answer=result))
        elif not self._style.quiet:
            self._write("".join(f"{line}\n" for line in page(self._out_terminal)))
        self.printed = code
        return code

    def cacheable_text(self, result: Struct, page: Page) -> str | None:
        """What `answer` prints of a success, without colours; None with options other than --json, or a warning."""
        usual = Style(colour=self._style.colour, root=self._style.root, json=self._style.json)
        if self._style != usual or self.warnings:
            return None
        if self._style.json:
            from hero_build.output.json_document import render

            return render(self._command, code=0, warnings=(), answer=result)
        opened = open_terminal(self._out, colour="never", verbose=0, environ={})
        plain = replace(opened, program=self._out_terminal.program)
        return "".join(f"{line}\n" for line in page(plain))

    def note(self, page: Page) -> None:
        """Print what only a person needs, below the answer: on a terminal, to stderr, unless --quiet or --json."""
        if self._err_terminal.width is not None and not (self._style.json or self._style.quiet):
            self._warn(list(page(self._err_terminal)))

    def error(self, error: HeroBuildError) -> int:
        """Print the error that left the command without an answer; returns its exit code."""
        return self.fail(failure(error))

    def fail(self, problem: Failure) -> int:
        """`error` for an interrupt or a bug, which are not HeroBuildErrors."""
        self._end_report()
        self._tails([problem])
        self._print_failure(problem)
        if self._style.json and not self._writing:  # an answer that was interrupted is not followed by another
            from hero_build.output.json_document import ErrorDocument, render

            document = render(
                self._command, code=problem.exit, warnings=self.warnings, answer=ErrorDocument(error=problem)
            )
            with suppress(MachineError):  # the error may be that stdout cannot be written
                self._write(document)
        return problem.exit

    def _end_report(self) -> None:
        if "report" in vars(self):
            self.report.close()

    def _tails(self, failed: Sequence[Failure]) -> None:
        """The last lines of failed builds, each once, before the errors, so that those end the output."""
        for tail, log in dict.fromkeys((item.tail, item.log) for item in failed if item.tail):
            head = f"the last {plural(len(tail), 'line')} of {log}:" if log else "last output:"
            lines = [self._err_terminal.ink(head, "dim"), *(f"  {clean(line)}" for line in tail)]
            self._warn(lines)

    def _print_failure(self, item: Failure, subjects: str = "") -> None:
        subject = f"{subjects or item.part or item.app}: " if item.app else ""
        lines = message_lines("error", text=f"{subject}{item.message}", hint=item.hint, terminal=self._err_terminal)
        self._warn(lines)

    def _print_failures(self, failed: Sequence[Failure]) -> None:
        """Equal failures of several apps are one line; a hint that several share is printed once, below the last."""
        by_hint: dict[str, dict[str, list[Failure]]] = {}
        for item in failed:
            by_hint.setdefault(item.hint, {}).setdefault(item.message, []).append(item)
        for hint, messages in by_hint.items():
            for left, items in zip(range(len(messages) - 1, -1, -1), messages.values(), strict=True):
                subjects = ", ".join(dict.fromkeys(item.part or item.app or "" for item in items))
                self._print_failure(replace(items[0], hint="" if left else hint), subjects)

    def _warn(self, lines: Sequence[str]) -> None:
        """Print lines to stderr; the exit code is the same where that is full."""
        with suppress(OSError):
            _emit(self._err, "".join(f"{line}\n" for line in lines))

    def _write(self, text: str) -> None:
        self._writing = True
        try:
            _emit(self._out, text)
        except OSError as error:
            raise cannot_write(error) from error


def cannot_write(error: OSError) -> MachineError:
    """The error where stdout does not take the answer."""
    reason = f"cannot write the answer to stdout: {error.strerror}"
    return MachineError(reason, "Free space where stdout is redirected to, or redirect it elsewhere.")


def _emit(stream: TextIO, text: str) -> None:
    """Write and flush. If the reader closed the pipe (`| head`), discard this and all later output."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
