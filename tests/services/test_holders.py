"""Who holds a socket or a port."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from hero_build.services import holders


def test_nobody_holds_what_is_free(tmp_path: Path) -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))  # nobody else takes it meanwhile, and nobody listens
        assert holders.port_holder(kept.getsockname()[1]) is None
    assert holders.socket_holder(tmp_path / "none.sock") is None


def test_who_listens_on_a_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        holder = holders.socket_holder(tmp_path / "s")
    assert holder is not None
    assert holder.pid == os.getpid()


def test_the_holder_of_a_port_is_found_while_it_opens_and_closes_other_files() -> None:
    """A descriptor that was there in the list may have gone when it is read."""
    passing = os.open(os.devnull, os.O_RDONLY)
    done = threading.Event()

    def open_and_close() -> None:
        while not done.is_set():
            os.close(os.open(os.devnull, os.O_RDONLY))

    with socket.create_server(("127.0.0.1", 0)) as server:
        os.close(passing)  # so that what the thread opens comes before the server's socket
        thread = threading.Thread(target=open_and_close)
        thread.start()
        try:
            port = server.getsockname()[1]
            pids = {holder.pid for _ in range(25) if (holder := holders.port_holder(port))}
        finally:
            done.set()
            thread.join()
    assert pids == {os.getpid()}


def test_the_command_of_a_process_that_has_ended() -> None:
    with subprocess.Popen(["true"]) as process:
        pass
    assert holders.process_command(process.pid) == "?"


@pytest.mark.parametrize(("uid", "name"), [(0, "root"), (4_000_000_000, "4000000000")])
def test_users_without_a_name_are_numbers(uid: int, name: str) -> None:
    assert holders.user_name(uid) == name
