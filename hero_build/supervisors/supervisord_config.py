"""supervisord.conf: written by hero-build from the definitions of its services."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from hero_build.model.services import Definition
from hero_build.supervisors.log_files import LOG_BACKUPS, LOG_BYTES
from hero_build.supervisors.service_names import file_name

_HEADER = """\
; Written by hero-build: it replaces what is changed here.
[unix_http_server]
file = /proc/self/cwd/supervisord.sock
chmod = 0600

[supervisord]
logfile = supervisord.log
pidfile = supervisord.pid
childlogdir = .
nocleanup = true
minfds = 1024
umask = 022

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:hero_build]
supervisor.rpcinterface_factory = hero_build.supervisors.supervisord_plugin:make_interface
"""
_PROGRAM = """
[program:{name}]
command = {command}
autostart = false
autorestart = false
startsecs = 0
startretries = 3
stopsignal = {stop_signal}
stopwaitsecs = {stop_seconds}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = {log_bytes}
stdout_logfile_backups = {log_backups}
"""


def render(folder: Path, programs: Iterable[tuple[Definition, tuple[str, ...]]]) -> str:
    """The configuration of a supervisord that lives in `folder`; a program's words are those that start it.

    It is started in `folder`: a socket's path through /proc/self/cwd is short wherever the root is (107 bytes are the
    limit). Restarts are off here: supervisord_plugin.py does them.
    """
    return _HEADER + "".join(_program(folder, *program) for program in programs)


def _program(folder: Path, definition: Definition, words: tuple[str, ...]) -> str:
    return _PROGRAM.format(
        name=file_name(definition.name),
        command=shlex.join(_relative(word, folder) for word in words).replace("%", "%%"),
        stop_signal=definition.stop_signal.removeprefix("SIG"),
        stop_seconds=max(1, round(definition.stop_timeout)),
        log=_relative(str(definition.log), folder).replace("%", "%%%%"),  # it is expanded twice
        log_bytes=LOG_BYTES,
        log_backups=LOG_BACKUPS,
    )


def _relative(word: str, folder: Path) -> str:
    """A path relative to supervisord's folder: its value is then plain, whatever folder the root is in (a `%` is an
    expansion, a `;` or `#` after a space starts a comment).
    """
    return os.path.relpath(word, folder) if word.startswith(f"{folder.parent.parent.parent}/") else word
