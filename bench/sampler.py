"""Runs hero-build and notes where each of its threads is, every millisecond or so:

    python -P sampler.py OUT BEGIN PROGRAM ARG…

OUT is where the notes go, as JSON (`Notes` in bench/profiles.py); BEGIN is the monotonic time at which the command was
started. Variables are not used for them: hero-build remembers an answer together with its environment. Nothing is
imported here that hero-build itself would have to import: it would take no time there.
"""

import _thread
import os
import sys
import time

_FINE, _COARSE = 0.001, 0.01  # seconds between two samples, and in a run that takes longer than _LONG
_LONG = 3.0
_THREAD_CLOCK = 6  # of the thread whose number is in the other bits: clock_getcpuclockid(3) makes them so
_DEPTH = 40
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Sampler:
    """`samples`: for each the seconds since the one before, the threads (identity, stack, seconds for which it ran),
    and the programs that run as children; `stacks`: frames from the innermost on.
    """

    def __init__(self, begin: float) -> None:
        self.start = time.monotonic() - begin
        self.stacks: dict[tuple[tuple[str, str, int], ...], int] = {}
        self.samples: list[tuple[float, list[tuple[int, int, float | None]], list[str]]] = []
        self._ended = False
        self._last = self._first = time.monotonic()
        self._processor: dict[int, float] = {}
        self._children: list[str] = []
        self._looked = 0.0

    def run(self) -> None:
        own = _thread.get_ident()
        while not self._ended:
            time.sleep(_FINE if self._last - self._first < _LONG else _COARSE)
            self.take(own)

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
        if now - self._looked > _COARSE:
            self._looked, self._children = now, _children()
        self.samples.append((now - self._last, threads, self._children))
        self._last = now

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


def _number(ident: int) -> int:
    """The kernel's number of a thread."""
    threads = getattr(sys.modules.get("threading"), "_active", {})  # it may just be being imported
    thread = threads.get(ident)
    return getattr(thread, "native_id", None) or os.getpid()


def _children() -> list[str]:
    names = []
    try:
        for number in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{number}/children") as file:
                children = file.read().split()
            for child in children:
                with open(f"/proc/{child}/comm") as file:
                    names.append(file.read().strip())
    except OSError:  # it ended meanwhile
        pass
    return names


def _write(sampler: Sampler, out: str) -> None:
    import json

    sampler.end()
    samples = list(sampler.samples)  # before the stacks: the thread may just be adding one of each
    with open(out, "w") as file:
        json.dump({"start": sampler.start, "stacks": list(sampler.stacks), "samples": samples}, file)


def main() -> None:
    global _OWN
    out, begin = sys.argv[1], float(sys.argv[2])
    sampler, leave = Sampler(begin), os._exit

    def end(code: int) -> None:
        _write(sampler, out)
        leave(code)

    os._exit = end  # type: ignore[assignment]
    sys.argv = sys.argv[3:]
    sys.setswitchinterval(_FINE)
    _OWN = _thread.start_new_thread(sampler.run, ())
    from hero_build.cli import run

    run()


_OWN = 0
main()
