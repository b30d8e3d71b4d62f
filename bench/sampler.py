"""Runs hero-build and notes where each of its threads is, every millisecond or so, and which programs run below it:

    python -P sampler.py OUT BEGIN FOLLOW PROGRAM ARG…

OUT is where the notes go, as JSON (`Notes` in bench/profiles.py); BEGIN is the monotonic time at which the command was
started; FOLLOW holds the numbers of processes that work for it without being its children, joined by commas. Variables
are not used for them: hero-build remembers an answer together with its environment. Nothing is imported here that
hero-build itself would have to import: it would take no time there.
"""

import _thread
import os
import sys
import time

_FINE, _COARSE = 0.001, 0.04  # seconds between two samples, and in a run that takes longer than _LONG
_LONG = 3.0
_LOOK, _RARE = 0.01, 0.08  # seconds between two looks at the programs, and in a long run
_PROCESS_CLOCK, _THREAD_CLOCK = 2, 6  # of the number in the other bits: clock_getcpuclockid(3) makes them so
_DEPTH = 40
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    Thread = tuple[int, int, float | None]
    Program = tuple[str, float]


class Sampler:
    """`samples`: for each the seconds since the one before, the threads (identity, stack, seconds for which it ran),
    and where they were looked at the programs below (name, seconds for which it ran since the last look), else None;
    `stacks`: frames from the innermost on.
    """

    def __init__(self, begin: float, follow: "Iterable[int]") -> None:
        self.begin, self.start, self.start_processor = begin, time.monotonic() - begin, time.process_time()
        self.stacks: dict[tuple[tuple[str, str, int], ...], int] = {}
        self.samples: list[tuple[float, list[Thread], list[Program] | None]] = []
        self.cost = 0.0
        self._follow = tuple(follow)
        self._ended = False
        self._last = self._first = self._looked = time.monotonic()
        self._processor: dict[int, float] = {}
        self._programs: dict[int, float] = {number: clock(number) for number in _below(self._follow)}

    def run(self) -> None:
        own = _thread.get_ident()
        while not self._ended:
            time.sleep(_COARSE if self._is_long() else _FINE)
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
        programs = None
        if now - self._looked > (_RARE if self._is_long() else _LOOK) or own == 0:
            self._looked, programs = now, self._look()
        self.samples.append((now - self._last, threads, programs))
        self._last = now

    def _is_long(self) -> bool:
        return self._last - self._first > _LONG

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

    def _look(self) -> "list[Program]":
        """The programs below, with what each has used since the last look."""
        now = {number: clock(number) for number in _below((os.getpid(), *self._follow))}
        used = [(name(number), max(total - self._programs.get(number, 0.0), 0.0)) for number, total in now.items()]
        self._programs = now
        return used


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


def children(number: int) -> list[int]:
    """The processes that a process has started; none where it ended meanwhile."""
    numbers: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{number}/task"):
            with open(f"/proc/{number}/task/{thread}/children") as file:
                numbers += map(int, file.read().split())
    except OSError:
        pass
    return numbers


def clock(number: int) -> float:
    """The seconds of processor that a process has used; none where it ended meanwhile."""
    try:
        return time.clock_gettime(~number << 3 | _PROCESS_CLOCK)
    except OSError:
        return 0.0


def name(number: int) -> str:
    """The program that a process runs: neither the loader that loads it nor the interpreter of a script."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{number}/exe"))
        if not program.startswith(("ld-", "ld.so", "python")):
            return program
        with open(f"/proc/{number}/cmdline", "rb") as file:
            words = file.read().decode("utf-8", "replace").split("\0")[1:-1]
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
    out, begin, follow = sys.argv[1:4]
    sampler, leave = Sampler(float(begin), map(int, filter(None, follow.split(",")))), os._exit

    def end(code: int) -> None:
        _write(sampler, out)
        leave(code)

    os._exit = end  # type: ignore[assignment]
    sys.argv = sys.argv[4:]
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
