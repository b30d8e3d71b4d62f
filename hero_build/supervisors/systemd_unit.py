"""A service's unit file: systemd.unit(5), systemd.service(5), systemd.kill(5)."""

from pathlib import Path

from hero_build.model.services import Definition, RestartPolicy
from hero_build.supervisors.service_names import file_name

_ROOT = "X-HeroBuild-Root"
"""A line with the root that a unit is of; systemd leaves names with X- alone."""
_RESTART: dict[RestartPolicy, str] = {"always": "always", "on-failure": "on-failure", "never": "no"}
_UNIT = """\
# Written by hero-build: it replaces what is changed here. `systemctl edit {unit}` adds to it.
[Unit]
Description={name} of Hero OS
{root_key}={root}
StartLimitIntervalSec={flap_seconds:g}
StartLimitBurst={flap_starts}

[Service]
Type=exec
ExecStart={command}
KillMode=control-group
KillSignal=SIG{signal}
TimeoutStopSec={stop_timeout:g}
Restart={restart}
RestartSec={backoff:g}
RestartForceExitStatus={force}
SyslogIdentifier={unit}
StandardOutput=journal
StandardError=journal
LogRateLimitIntervalSec=1
LogRateLimitBurst=1000000

[Install]
WantedBy={target}
"""


def unit_name(name: str) -> str:
    """`hero-<service>.service`. Raises UnsafeName."""
    file_name(name)
    return f"hero-{name}.service"


def service_of(unit: str) -> str:
    """The service of a unit."""
    return unit.removeprefix("hero-").removesuffix(".service")


def render(definition: Definition, *, words: tuple[str, ...], root: Path, target: str) -> str:
    """The unit of a service that is started by these words. The flap limit is systemd's start limit.

    An interval of 0 would be the journal's own limit, of some 10,000 lines in 30 s; what exceeds it is lost.
    """
    never = definition.oneshot or definition.restart == "never"
    forced = definition.restart == "on-failure" and not never
    return _UNIT.format(
        unit=unit_name(definition.name),
        name=definition.name,
        root_key=_ROOT,
        root=root,
        flap_seconds=definition.flap.seconds,
        flap_starts=definition.flap.starts,
        command=" ".join(quoted(word) for word in words),
        signal=definition.stop_signal.removeprefix("SIG"),
        stop_timeout=definition.stop_timeout,
        restart="no" if never else _RESTART[definition.restart],
        backoff=definition.backoff,
        force="SIGHUP SIGINT SIGPIPE SIGTERM" if forced else "",  # systemd takes these for a clean end
        target=target,
    )


def root_of(text: str) -> str | None:
    """The root that a unit file was written for."""
    lines = (line.partition("=") for line in text.splitlines())
    return next((value for key, _, value in lines if key == _ROOT), None)


def quoted(word: str) -> str:
    r"""In double quotes, with `%`, `$`, `"` and `\` as themselves (systemd.syntax(7))."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'
