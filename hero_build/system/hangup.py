"""Work that must come to its end although its caller is gone: a closed terminal, an ssh that was cut."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def outliving_the_caller() -> Iterator[None]:
    """SIGHUP is ignored inside, and not by children. SIGINT and SIGTERM, which somebody sends, end the work."""
    import signal  # its enums take time to import

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGHUP) is None:
        yield
        return
    before = signal.signal(signal.SIGHUP, _ignore)  # SIG_IGN would be inherited by services
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _ignore(number: int, frame: object) -> None:
    """A handler that does nothing."""
