"""systemctl and journalctl of one manager: the system's, or that of a user."""

import os
import time
from pathlib import Path

from msgspec import Struct

from hero_build.errors import NotHealthy, RuntimeUnreachable
from hero_build.os_errors import machine_errors
from hero_build.supervisors.exec_file import write_file
from hero_build.supervisors.systemd_journal import Journalctl, last_lines, system_matches, user_matches
from hero_build.system import process

_TAIL = 20
_LINGER = Path("/var/lib/systemd/linger")
_UNREADABLE = "insufficient permissions"


class SystemdManager(Struct, frozen=True):
    """The system's or the user's instance; `units`: where its unit files are, `target`: what starts at boot."""

    flag: str
    units: Path
    target: str


def system_manager() -> SystemdManager:
    return SystemdManager("--system", Path("/etc/systemd/system"), target="multi-user.target")


def user_manager(home: Path) -> SystemdManager:
    """The units of a user are in `$XDG_CONFIG_HOME/systemd/user`."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return SystemdManager("--user", config / "systemd" / "user", target="default.target")


class SystemdClient(Struct, frozen=True):
    """`seconds` for an answer."""

    manager: SystemdManager
    seconds: float

    def systemctl(self, *words: str, may_fail: bool = False) -> str:
        """What systemctl prints. Raises RuntimeUnreachable, where it is not to fail."""
        return "\n".join(self._run(["systemctl", self.manager.flag, "--no-pager", *words], may_fail=may_fail))

    def journalctl(self, unit: str) -> Journalctl:
        """Asks for what a unit wrote."""

        matches = user_matches(unit) if self.manager.flag == "--user" else system_matches(unit)

        def ask(*words: str) -> list[str]:
            return self._run(["journalctl", "--output=json", "--all", *words, *matches])

        return ask

    def install(self, unit: str, text: str) -> Path:
        """Install a unit that is not a service of a root: write, enable and restart it. Raises RuntimeUnreachable,
        NotHealthy, MachineError.
        """
        path = self.manager.units / unit
        self.systemctl("daemon-reload")  # where it does not run, nothing is written
        with machine_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, text.encode(), mode=0o644)
        self.systemctl("daemon-reload")
        self.systemctl("enable", unit)
        self.systemctl("reset-failed", unit, may_fail=True)
        since = f"--since=@{int(time.time())}"
        try:
            self.systemctl("restart", unit)
        except RuntimeUnreachable as error:
            hint = f"`systemctl {self.manager.flag} status {unit}` says more; it is installed and enabled."
            raise NotHealthy(f"{path} does not start", hint, tail=self._log(unit, since)) from error
        return path

    def _log(self, unit: str, since: str) -> tuple[str, ...]:
        ask = self.journalctl(unit)
        try:
            return last_lines(lambda *words: ask(since, *words), _TAIL)
        except RuntimeUnreachable:
            return ()

    def _run(self, command: list[str], *, may_fail: bool = False) -> list[str]:
        lines: list[str] = []
        end = time.monotonic() + self.seconds
        watch = process.OutputWatch(on_stdout=lines.append, cancelled=lambda: time.monotonic() >= end)
        shown = " ".join(command[:4])
        try:
            result = process.run(command, cwd=Path("/"), env=_environment(), watch=watch)
        except process.Cancelled as error:
            sentence = f"`{shown}` gave no answer within {self.seconds:g} s"
            hint = f"Does systemd run? `systemctl {self.manager.flag} status` says more."
            raise RuntimeUnreachable(sentence, hint) from error
        if result.code and not may_fail:
            reasons = [line for line in result.tail if not line.startswith(("See ", "Hint: "))]
            if any(_UNREADABLE in line for line in reasons):
                raise _unreadable()
            reason = reasons[-1] if reasons else f"it ended with {result.code}"
            raise RuntimeUnreachable(f"`{shown}`: {reason}", self._hint(reason))
        return lines

    def _hint(self, reason: str) -> str:
        if self.manager.flag == "--user" and "Failed to connect to bus" in reason:
            return "No manager of this user runs: log in, or as root `loginctl enable-linger USER`."
        return f"`systemctl {self.manager.flag} status` says more."


def lingers() -> bool:
    """Whether this user's manager starts with the machine and outlives the session (loginctl(1), enable-linger)."""
    import pwd

    try:
        return (_LINGER / pwd.getpwuid(os.getuid()).pw_name).exists()
    except (KeyError, OSError):
        return False


def _unreadable() -> RuntimeUnreachable:
    hint = "As root: `mkdir -p /var/log/journal && journalctl --flush`, or add this user to the group systemd-journal."
    return RuntimeUnreachable("the journal is not stored on disk, so that this user may not read it", hint)


def _environment() -> dict[str, str]:
    """systemctl --user needs XDG_RUNTIME_DIR, which `su` and cron do not set."""
    env = process.environment({"SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"})
    return {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}", **env}
