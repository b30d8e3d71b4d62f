"""The one door to other programs: what they get, what is kept of what they say, and that none is left behind."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hero_build.errors import DiskFull, MissingTool, ToolFailed
from hero_build.system import process
from hero_build.system.process import Cancelled, OutputWatch, attend, capture, environment, find, run
from support.processes import LONG, alive, gone

REPO = Path(__file__).parents[2]
FAMILY = "sleep 600 & echo $!; sleep 600 & echo $!; echo $$; {end}"


def shell(script: str, folder: Path, **watch: object) -> process.ProcessResult:
    return run(("sh", "-c", script), cwd=folder, env=environment(), watch=OutputWatch(**watch))  # type: ignore[arg-type]


def test_lines_of_both_streams_are_reported_as_they_come(tmp_path: Path) -> None:
    received: list[str] = []
    (tmp_path / "go").touch()

    def line(text: str) -> None:
        received.append(text)
        (tmp_path / text).touch()

    script = "echo one; while [ ! -e one ]; do sleep 0.01; done; echo two >&2; while [ ! -e two ]; do sleep 0.01; done"
    assert shell(script, tmp_path, on_line=line) == process.ProcessResult(0, ("one", "two"))
    assert received == ["one", "two"]


def test_the_last_200_lines_are_kept_and_all_are_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "build.log"
    done = shell("seq 1 1000; printf unended; exit 3", tmp_path, log=log)
    assert done.code == 3
    assert done.tail == (*(str(number) for number in range(802, 1001)), "unended")
    assert log.read_text().split() == [*(str(number) for number in range(1, 1001)), "unended"]


def test_a_progress_bar_is_reported_and_not_logged(tmp_path: Path) -> None:
    received: list[str] = []
    done = shell(r"printf '10%%\r20%%\r'; printf '\nend\r\n' >&2", tmp_path, on_line=received.append)
    assert [line for line in received if "%" in line] == ["10%", "20%"]
    assert done.tail == ("", "end")


def test_an_end_of_line_that_comes_in_two_pieces_is_one(tmp_path: Path) -> None:
    received: list[str] = []

    def line(text: str) -> None:
        received.append(text)
        (tmp_path / text).touch()

    script = r"printf 'one\r'; while [ ! -e one ]; do sleep 0.01; done; printf '\ntwo\n'"
    assert shell(script, tmp_path, on_line=line).tail == ("one", "two")
    assert received == ["one", "one", "two"]


def test_data_on_stdout_is_kept_apart(tmp_path: Path) -> None:
    data: list[str] = []
    lines: list[str] = []
    log = tmp_path / "log"
    done = shell("echo data; echo said >&2", tmp_path, on_stdout=data.append, on_line=lines.append, log=log)
    assert (data, lines, done.tail, log.read_text()) == (["data"], ["said"], ("said",), "said\n")


def test_a_line_without_an_end_is_cut_and_odd_bytes_are_no_error(tmp_path: Path) -> None:
    done = shell(r"head -c 3000000 /dev/zero | tr '\0' x; printf '\377\n'", tmp_path)
    assert sum(map(len, done.tail)) == 3_000_001
    assert len(done.tail) > 1
    assert done.tail[-1].endswith("�")


def test_a_child_has_nothing_to_read(tmp_path: Path) -> None:
    assert shell("cat; echo end", tmp_path).tail == ("end",)


def test_the_environment_has_no_token_and_nothing_of_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("KEPT", "kept")
    env = environment({"MORE": "more"})
    assert "secret" not in env.values()
    assert (env["KEPT"], env["MORE"]) == ("kept", "more")


def test_a_child_gets_the_environment_it_is_given_and_no_more(tmp_path: Path) -> None:
    output = capture(("env",), cwd=tmp_path, env={"PATH": os.environ["PATH"], "ONLY": "this"})
    assert {line.partition("=")[0] for line in output.split("\n")} <= {"PATH", "ONLY", "PWD", "SHLVL", "_", "LC_CTYPE"}


@pytest.mark.parametrize(("program", "hint"), [("git", "apt install git"), ("cargo", "rustup"), ("odd", "Install odd")])
def test_a_missing_program(tmp_path: Path, program: str, hint: str) -> None:
    with pytest.raises(MissingTool, match=f"^{program} is not on this machine$") as caught:
        run((program,), cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert hint in caught.value.hint
    assert caught.value.code == 8


def test_a_program_of_another_kind_of_machine(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\x7fELF nothing of the kind")
    odd.chmod(0o755)
    assert find(str(odd)) == odd
    with pytest.raises(ToolFailed, match="cannot be started") as caught:
        run((odd,), cwd=tmp_path, env=environment())
    assert caught.value.code == 8


def test_a_query_that_fails(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"`sh -c .*` ended with 5 in .*: alas$") as caught:
        capture(("sh", "-c", "echo alas >&2; exit 5"), cwd=tmp_path, env=environment())
    assert (caught.value.status, caught.value.tail) == (5, ("alas",))


def test_a_log_that_cannot_be_written_ends_the_child(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    lines: list[str] = []
    with pytest.raises(DiskFull):
        shell(FAMILY.format(end="seq 1 100000; wait"), tmp_path, log=tmp_path / "log", on_line=lines.append)
    assert gone([int(pid) for pid in lines[:3]])


def test_a_daemon_that_keeps_the_pipes_open_is_not_waited_for(tmp_path: Path) -> None:
    pids: list[str] = []
    done = shell("setsid sleep 600 & echo $!; echo end", tmp_path, on_line=pids.append)
    assert done.tail[-1] == "end"
    assert alive(int(pids[0]))
    os.kill(int(pids[0]), signal.SIGKILL)


def test_what_it_writes_last_is_read_though_it_has_ended_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for output and the look whether it still runs: a busy machine makes that a long time."""

    def has_ended(pid: int, seconds: float = 0) -> bool:
        (tmp_path / "go").touch()
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT) is not None

    monkeypatch.setattr(process, "_has_ended", has_ended)
    assert shell("while [ ! -e go ]; do sleep 0.01; done; seq 1 900", tmp_path).tail[-1] == "900"


@pytest.mark.parametrize("trap", ["", "trap '' INT; ", "trap '' INT TERM; "])
def test_what_goes_wrong_meanwhile_ends_the_whole_group(
    tmp_path: Path, trap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_SIGNALS", ((signal.SIGINT, 0.3), (signal.SIGTERM, 0.3)))
    pids: list[int] = []

    def line(text: str) -> None:
        pids.append(int(text))
        if len(pids) == 3:
            raise RuntimeError("a view that breaks")

    with pytest.raises(RuntimeError, match="a view that breaks"):
        shell(trap + FAMILY.format(end="wait"), tmp_path, on_line=line)
    assert gone(pids)


def test_a_run_that_is_called_off_ends_the_whole_group(tmp_path: Path) -> None:
    pids: list[int] = []
    stop = threading.Event()

    def line(text: str) -> None:
        pids.append(int(text))
        if len(pids) == 3:
            stop.set()

    with pytest.raises(Cancelled):
        shell(FAMILY.format(end="wait"), tmp_path, on_line=line, cancelled=stop.is_set)
    assert gone(pids)


@pytest.mark.parametrize("cancelled", [True, False])
def test_the_children_of_other_threads_have_ended_or_are_killed(
    cancelled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_STOP_SIGNALS", ((signal.SIGINT, 0.3), (signal.SIGTERM, 0.3)))
    pids: list[int] = []
    started, stop = threading.Event(), threading.Event()

    def line(text: str) -> None:
        pids.append(int(text))
        if len(pids) == 3:
            started.set()

    def work() -> None:
        with suppress(Cancelled):
            shell("trap '' INT TERM; " + FAMILY.format(end="wait"), tmp_path, on_line=line, cancelled=stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(LONG)
    if cancelled:
        stop.set()
    process.end_children()
    assert gone(pids)
    thread.join(LONG)
    assert not thread.is_alive()


def test_nothing_starts_once_the_work_is_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        shell("touch started", tmp_path, cancelled=lambda: True)
    assert not (tmp_path / "started").exists()


def test_a_child_that_leads_no_more_is_left_alone(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert attend(child, OutputWatch()).code == 0
    process.stop(child)
    assert child.returncode == 0


INTERRUPTED = """
import sys
from pathlib import Path
from hero_build.system.process import OutputWatch, environment, run
watch = OutputWatch(lambda line: print(line, flush=True))
try:
    run(("sh", "-c", sys.argv[1]), cwd=Path("."), env=environment(), watch=watch)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_the_whole_group_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, FAMILY.format(end="wait")]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pids = [int(child.stdout.readline()) for _ in range(3)]
        assert all(alive(pid) for pid in pids)
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
    assert gone(pids)
