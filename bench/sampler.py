"""Runs hero-build and notes where each of its threads is, every millisecond or so, and which programs run below it:

    python -P sampler.py OUT BEGIN FINE EVERY FOLLOW PROGRAM ARG…

OUT is where the notes go, as JSON (`Notes` in bench/times.py); BEGIN is the monotonic time at which the command was
started; FINE is for how many seconds it is sampled every millisecond, and EVERY how many lie between two looks at the
programs after that; FOLLOW holds the numbers of processes that work for it without being its children, joined by
commas. Variables are not used for them: hero-build remembers an answer together with its environment. Nothing is
imported here that hero-build itself would have to import: it would take no time there.

A program that has ended is accounted for by the process that waited for it (times(2), proc_pid_stat(5)), so that all
processor time below is in the notes, however rare the looks are.
"""

import _thread
import os
import sys
import time

_FINE, _LOOK = 0.001, 0.01  # seconds between two samples, and between two looks at the programs
_TICK = os.sysconf("SC_CLK_TCK")
_FIRST = 0.001  # seconds that a program is taken to have used, where it ended before it was seen to use any
_PROCESS_CLOCK, _THREAD_CLOCK = 2, 6  # of the number in the other bits: clock_getcpuclockid(3) makes them so
_DEPTH = 40
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import NoReturn

    Thread = tuple[int, int, float | None]
    Program = tuple[str, float, bool]
    Look = tuple[list[Program], float]


class Sampler:
    """`samples`: for each the seconds since the one before, the threads (identity, stack, seconds for which it ran),
    and, where they were looked at, the programs below (name, seconds for which it ran since the last look, whether it
    still runs) and the seconds for which the cores of the machine were idle, else None; `stacks`: frames from the
    innermost on.
    """

    def __init__(self, begin: float, *, fine: float, every: float, follow: "Iterable[int]") -> None:
        self.begin, self.start, self.start_processor = begin, time.monotonic() - begin, time.process_time()
        self.stacks: dict[tuple[tuple[str, str, int], ...], int] = {}
        self.samples: list[tuple[float, list[Thread], Look | None]] = []
        self.cost = 0.0
        self._fine, self._every, self._follow = fine, every, tuple(follow)
        self._ended = False
        self._last = self._first = self._looked = time.monotonic()
        self._processor: dict[int, float] = {}
        self._programs = {number: (name(number), clock(number), 0.0) for number in _below(self._follow)}
        self._idle, self._seen = idle(), _total(self._programs)

    def run(self) -> None:
        own = _thread.get_ident()
        while not self._ended:
            time.sleep(self._every / 2 if self._is_long() else _FINE)
            self.take(own)
            self.cost = time.thread_time()

    def end(self) -> None:
        self._ended = True
        self.take(0)

    def take(self, own: int) -> None:
        now = time.monotonic()
        threads = [
            (ident, self._stack(frame), self._used(ident))
            for ident, frame in sys._current_frames().items()
            if ident not in (own, _OWN)
        ]
        look = None
        if now - self._looked > (self._every * 0.9 if self._is_long() else _LOOK) or own == 0:
            self._looked, look = now, self._look()
        self.samples.append((now - self._last, threads, look))
        self._last = now

    def _is_long(self) -> bool:
        return self._last - self._first > self._fine

    def _stack(self, frame: "FrameType | None") -> int:
        frames: list[tuple[str, str, int]] = []
        while frame is not None and len(frames) < _DEPTH:
            code = frame.f_code
            frames.append((code.co_filename, code.co_name, frame.f_lineno or 0))
            frame = frame.f_back
        return self.stacks.setdefault(tuple(frames), len(self.stacks))

    def _used(self, ident: int) -> float | None:
        """The processor time of a thread since the sample before; None where it has just ended."""
        number = _number(ident)
        try:
            total = time.clock_gettime(~number << 3 | _THREAD_CLOCK)
        except OSError:
            return None
        used = total - self._processor.get(number, 0.0)
        self._processor[number] = total
        return used

    def _look(self) -> "Look":
        """The programs below, with what each has used since the last look. What those that ended have used after it is
        shared among them as they used the time before it; `""`, where they also began after it.
        """
        before, now = self._programs, dict[int, tuple[str, float, float]]()
        for number in _below((os.getpid(), *self._follow)):
            total = clock(number)
            now[number] = name(number), total, max(total - before.get(number, ("", 0.0, 0.0))[1], 0.0)
        last_idle, self._idle, self._programs = self._idle, idle(), now
        programs = [(called, used, True) for called, _, used in now.values()]
        rest = _total(now) - self._seen - sum(used for _, used, _ in programs)
        ended = [(called, used + _FIRST) for number, (called, _, used) in before.items() if number not in now]
        if rest > 0:
            weight = sum(used for _, used in ended)
            programs += [(called, rest * used / weight, False) for called, used in ended] or [("", rest, False)]
        self._seen += sum(used for _, used, _ in programs)
        return programs, self._idle - last_idle


def _total(programs: "dict[int, tuple[str, float, float]]") -> float:
    """The seconds of processor of all programs below, those that have ended among them."""
    times = os.times()
    own = times.children_user + times.children_system
    return own + sum(total + waited_for(number) for number, (_, total, _) in programs.items())


def _number(ident: int) -> int:
    """The kernel's number of a thread."""
    threads = getattr(sys.modules.get("threading"), "_active", {})  # it may just be being imported
    thread = threads.get(ident)
    return getattr(thread, "native_id", None) or os.getpid()


def _below(roots: "Iterable[int]") -> list[int]:
    """The descendants of these processes; those that are followed are among them."""
    numbers: list[int] = []
    to_do = list(roots)
    while to_do:
        number = to_do.pop()
        if number != os.getpid() and number not in numbers:
            numbers.append(number)
            to_do += children(number)
        elif number == os.getpid():
            to_do += children(number)
    return numbers


def _read(path: str) -> bytes:
    """The beginning of a file of the kernel's, in a third of the time that `open` takes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)


def children(number: int) -> list[int]:
    """The processes that a process has started; none where it ended meanwhile."""
    numbers: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{number}/task"):
            numbers += map(int, _read(f"/proc/{number}/task/{thread}/children").split())
    except OSError:
        pass
    return numbers


def clock(number: int) -> float:
    """The seconds of processor that a process has used; none where it ended meanwhile."""
    try:
        return time.clock_gettime(~number << 3 | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def waited_for(number: int) -> float:
    """The seconds of processor of those processes, at any depth, that a process has started and seen the end of."""
    try:
        fields = _read(f"/proc/{number}/stat").rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / _TICK


def idle() -> float:
    """The seconds for which the cores of the machine had nothing to do so far, all cores together."""
    fields = _read("/proc/stat").split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / _TICK


def name(number: int) -> str:
    """The program that a process runs: neither the loader that loads it nor the interpreter of a script."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{number}/exe"))
        if not program.startswith(("ld-", "ld.so", "python")):
            return program
        words = _read(f"/proc/{number}/cmdline").decode("utf-8", "replace").split("\0")[1:-1]
    except OSError:
        return ""
    paths = [word for word in words if not word.startswith("-")]
    if program.startswith("ld") and "--library-path" in words:
        paths = [word for word in paths if word != words[words.index("--library-path") + 1]]
    return os.path.basename(paths[0]) if paths else program


def _write(sampler: Sampler, out: str) -> None:
    sampler.end()
    import json

    samples = list(sampler.samples)  # before the stacks: the thread may just be adding one of each
    seconds = {"begin": sampler.begin, "start": sampler.start, "cost": sampler.cost}
    seconds["start_processor"] = sampler.start_processor
    notes = {**seconds, "stacks": list(sampler.stacks), "samples": samples}
    with open(out, "w") as file:
        file.write(json.dumps(notes))


def main() -> None:
    global _OWN
    out, begin, fine, every, follow = sys.argv[1:6]
    numbers = map(int, filter(None, follow.split(",")))
    sampler, leave = Sampler(float(begin), fine=float(fine), every=float(every), follow=numbers), os._exit

    def end(status: int) -> "NoReturn":
        _write(sampler, out)
        leave(status)

    os._exit = end
    sys.argv = sys.argv[6:]
    sys.setswitchinterval(_FINE)
    _OWN = _thread.start_new_thread(sampler.run, ())
    if sys.argv[0].endswith(".pyz"):
        import runpy

        runpy.run_path(sys.argv[0], run_name="__main__")
    from hero_build.cli import run

    run()


_OWN = 0
if __name__ == "__main__":
    main()
