"""Events become lines on a pipe; on a terminal a live view, of which only the warnings remain."""

import io
import os
import pty
import select
import termios
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hero_build.errors import NetworkError
from hero_build.events import (
    Event,
    Finished,
    GitProgress,
    PartFailed,
    Planning,
    Retrying,
    Started,
    Transferred,
    WarningRaised,
)
from hero_build.model.installed import PartId
from hero_build.model.steps import Failed
from hero_build.output.live import LiveView
from hero_build.output.phrases import message_lines
from hero_build.output.reporter import Reporter
from hero_build.output.terminal import Terminal

DB, WEB = PartId("db"), PartId("web")
STORY: tuple[Event, ...] = (
    Planning("db"),
    Started(DB, verb="download", version="v1", total=2_000_000),
    Started(WEB, verb="download", version="v2", total=None),
    Transferred(DB, 1_500_000),
    WarningRaised("web needs db", "hero-build install db"),
    Retrying("web-linux", "reset by peer", 2.0),
    WarningRaised("web needs db", "hero-build install db"),
    Transferred(DB, 500_000),
    Finished(DB),
    PartFailed(Failed("web", WEB, NetworkError("no"))),
)


def lines_of(*events: Event, quiet: bool = False, verbose: int = 0) -> list[str]:
    stream = io.StringIO()
    reporter = Reporter(stream, Terminal(verbose=verbose), quiet=quiet)
    for event in events:
        reporter(event)
    reporter.close()
    return stream.getvalue().splitlines()


def test_lines_for_a_pipe() -> None:
    lines = lines_of(*STORY)
    assert lines[:5] == [
        "db: download v1, 2.0 MB",
        "web: download v2",
        "warning: web needs db",
        "  hint: hero-build install db",
        "web-linux: reset by peer; trying again in 2.0 s",
    ]
    assert lines[5].startswith("db: downloaded and verified 2.0 MB in ")
    assert len(lines) == 6


def test_verbose_prints_resolving_and_quiet_prints_nothing() -> None:
    assert lines_of(Planning("db"), verbose=1) == ["db: resolving"]
    assert lines_of(*STORY, quiet=True) == []


def test_names_from_outside_are_cleaned() -> None:
    lines = lines_of(
        Started(PartId("\x1b[31mdb"), verb="download", version="v1\n\x07", total=1),
        Retrying("a\rb", "\x1b]0;x\x07why", 1),
    )
    assert lines == ["db: download v1, 1 B", "a b: why; trying again in 1.0 s"]


@pytest.mark.parametrize("width", [None, 80])
def test_a_closed_stream_does_not_stop_the_work(width: int | None) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as stream:
        reporter = Reporter(stream, Terminal(width=width), quiet=False)
        for event in STORY:
            reporter(event)
        reporter.close()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, writing)
        os.close(nowhere)
    assert reporter.warnings == (WarningRaised("web needs db", "hero-build install db"),)


def move(reporter: Reporter) -> None:
    for _ in range(1000):
        reporter(Transferred(DB, 1))


def test_any_thread_may_report() -> None:
    stream = io.StringIO()
    reporter = Reporter(stream, Terminal(), quiet=False)
    reporter(Started(DB, verb="download", version="v1", total=80_000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: move(reporter), range(8)))
    reporter(Finished(DB))
    assert "downloaded and verified 8.0 kB" in stream.getvalue()


def on_terminal(*events: Event, columns: int = 80) -> str:
    """What a terminal of that width is sent."""
    controller, end = pty.openpty()
    termios.tcsetwinsize(end, (24, columns))
    sent = bytearray()
    over = threading.Event()

    def read() -> None:
        while not over.is_set() or select.select([controller], [], [], 0)[0]:
            if select.select([controller], [], [], 0.05)[0]:
                sent.extend(os.read(controller, 65536))

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(end, "w") as stream:
        reporter = Reporter(stream, Terminal(width=columns, colour=False), quiet=False)
        for event in events:
            reporter(event)
        reporter.close()
        over.set()
        reader.join()
    os.close(controller)
    return sent.decode()


def test_a_terminal_gets_a_live_view_that_is_erased_and_warnings_that_stay() -> None:
    sent = on_terminal(*STORY)
    assert "resolving db ..." in sent
    assert "1 of 2 done, 1 failed" in sent
    last_erased = sent.rfind("\x1b[2K")
    rest = sent[last_erased:]
    assert "warning: web needs db" in rest
    assert rest.count("warning:") == 1
    assert "download" not in rest


def test_no_live_view_without_progress() -> None:
    sent = on_terminal(Planning("db"), Planning("web"))
    assert sent.startswith("\r\x1b[2Kresolving db ...")
    assert sent.endswith("\r\x1b[2K")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_live_view_fits_its_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    controller, end = pty.openpty()
    termios.tcsetwinsize(end, (10, columns))
    with os.fdopen(end, "w") as stream:
        view = LiveView(stream, colour=False)
        view.close()
        for number in range(30):
            view.show(
                Started(
                    PartId(f"app_with_a_long_name_{number}"), verb="download", version="v1.2.3-rc.4", total=9_000_000
                )
            )
            view.show(Transferred(PartId(f"app_with_a_long_name_{number}"), 1_000_000 * number))
        with view.console.capture() as captured:
            view.console.print(view.draw())
    os.close(controller)
    lines = captured.get().splitlines()
    assert len(lines) <= 10
    assert all(len(line) <= columns for line in lines)
    assert "0 of 30 done" in lines[-1]
    assert "app_with_a_long_name" in lines[0]


def test_message_lines() -> None:
    assert message_lines("error", text="db: no\nway", hint="do\x1b[31m this", terminal=Terminal()) == [
        "error: db: no way",
        "  hint: do this",
    ]
    assert message_lines("error", text="no", hint="", terminal=Terminal()) == ["error: no"]
    assert message_lines("warning", text="x", hint="", terminal=Terminal(colour=True)) == [
        "\x1b[1;33mwarning:\x1b[0m x"
    ]
    wrapped = message_lines("error", text="word " * 30, hint="", terminal=Terminal(width=40))
    assert len(wrapped) > 3
    assert all(len(line) <= 40 for line in wrapped)


def test_the_live_view_of_a_clone_counts_no_parts() -> None:
    primary, secondary = pty.openpty()
    with os.fdopen(secondary, "w") as stream:
        view = LiveView(stream, colour=False)
        try:
            view.show(GitProgress("o/db", "Receiving objects", 40))
            with view.console.capture() as captured:
                view.console.print(view.draw())
        finally:
            view.close()
    os.close(primary)
    lines = captured.get().splitlines()
    assert lines[0].startswith("o/db  Receiving objects 40 %")
    assert "0 of 0" not in captured.get()
