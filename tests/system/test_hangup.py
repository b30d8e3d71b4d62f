"""Work that outlives its caller: a hang-up does nothing inside, and its children do not ignore it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from hero_build.system.hangup import outliving_the_caller


def test_a_hang_up_is_ignored_inside_and_not_by_children() -> None:
    before = signal.getsignal(signal.SIGHUP)
    show = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)"
    with outliving_the_caller():
        os.kill(os.getpid(), signal.SIGHUP)
        child = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert child.stdout == "True\n"
    assert signal.getsignal(signal.SIGHUP) is before


def test_an_interrupt_still_ends_it() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt), outliving_the_caller():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGHUP) is before


def test_another_thread_changes_no_handler() -> None:
    before, seen = signal.getsignal(signal.SIGHUP), []

    def work() -> None:
        with outliving_the_caller():
            seen.append(signal.getsignal(signal.SIGHUP))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
