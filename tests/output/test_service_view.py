"""Services as they start: a line each once it is known how it ended, and on a terminal what is still on its way."""

import io

from hero_build.events import ServiceDone, ServiceStep
from hero_build.output.service_view import ServiceView
from hero_build.output.terminal import Terminal

EVENTS = (
    ServiceStep("hero_db_server", "start"),
    ServiceStep("hero_code_server", "start"),
    ServiceDone("hero_db_server", ok=True, text="healthy, 0.4 s"),
    ServiceDone("hero_code_server", ok=False, text="did not come up: \x1b[31mexit code 3"),
)
LINES = "hero_db_server          ✓ healthy, 0.4 s\nhero_code_server        ✗ did not come up: exit code 3\n"


def shown(terminal: Terminal) -> str:
    stream = io.StringIO()
    view = ServiceView(stream, terminal)
    for event in EVENTS:
        view.show(event)
    view.close()
    return stream.getvalue()


def test_a_pipe_gets_one_line_for_each_service() -> None:
    assert shown(Terminal()) == LINES


def test_a_terminal_shows_what_is_under_way_and_erases_it() -> None:
    text = shown(Terminal(width=60))
    erase = "\r\x1b[2K"
    assert text.replace(f"starting hero_db_server ...{erase}", "").startswith(
        "starting hero_db_server, hero_code_server"
    )
    assert "".join(part.rpartition(erase)[2] + "\n" for part in text.removesuffix("\n").split("\n")) == LINES


def test_a_terminal_shows_how_long_a_stop_may_take() -> None:
    stream = io.StringIO()
    view = ServiceView(stream, Terminal(width=80))
    view.show(ServiceStep("hero_bundle", "stop", limit=30.0))
    view.show(ServiceStep("hero_db_server", "stop", limit=10.0))
    assert "stopping hero_bundle, at most 30 s ..." in stream.getvalue()
    assert "stopping hero_bundle, hero_db_server, at most 30 s ..." in stream.getvalue()


def test_what_is_under_way_fits_a_narrow_terminal() -> None:
    text = shown(Terminal(width=30))
    assert "starting hero_db_server, hero" in text
    assert "starting hero_db_server, hero_" not in text
