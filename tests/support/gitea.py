"""A real Gitea on loopback, for tests and benchmarks: a program of its own, and the build of the server.

    python -m support.gitea [--cache DIR] [--data DIR] [--build-only] [--set SECTION.KEY=VALUE]...

Builds the server from its Go module, once, into the cache; starts it on a free port with an empty SQLite database;
creates an administrator and a token for everything; prints one line of JSON, `Instance`; serves until SIGTERM or
SIGINT, then stops the server and deletes its data (kept if --data names the folder). Needs Go 1.26, a C compiler
(SQLite is cgo) and git.
"""

import argparse
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Struct

from support.ports import free_port
from support.processes import LONG

MODULE, VERSION = "code.gitea.io/gitea", "v1.26.4"
TAGS = "sqlite sqlite_unlock_notify"
USER = "forgeadmin"
READY_SECONDS, STOP_SECONDS = 300, 60
CONFIGURATION = """\
RUN_USER = {run_user}
WORK_PATH = {data}
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
DOMAIN = 127.0.0.1
ROOT_URL = {url}/
STATIC_ROOT_PATH = {source}
APP_DATA_PATH = {data}/app
LFS_START_SERVER = true
LFS_JWT_SECRET = {lfs_jwt_secret}
OFFLINE_MODE = true
DISABLE_SSH = true
[database]
DB_TYPE = sqlite3
PATH = {data}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[repository]
ROOT = {data}/repos
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = {secret_key}
INTERNAL_TOKEN = {internal_token}
[oauth2]
JWT_SECRET = {jwt_secret}
[service]
DISABLE_REGISTRATION = true
[actions]
ENABLED = true
DEFAULT_ACTIONS_URL = self
WORKFLOW_DIRS = .forgejo/workflows,.gitea/workflows,.github/workflows
[log]
MODE = file
LEVEL = Info
ROOT_PATH = {data}/log
[cron.update_checker]
ENABLED = false
"""
"""https://docs.gitea.com/administration/config-cheat-sheet"""


class Instance(Struct, frozen=True):
    """The running server, and what its administrator needs to use it. `pid`: the server's own process."""

    url: str
    token: str
    user: str
    password: str
    pid: int
    data: str


class Server(Struct, frozen=True):
    """The built server: its program, and its sources, from which it reads templates and options while it runs."""

    program: Path
    source: Path


Run = Callable[..., str]


def build(cache: Path) -> Server:
    """The server in `cache`, built if it is not there yet (about five minutes on two cores)."""
    folder = cache / f"gitea-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder / "gitea", folder / "src")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two test runs, one builds
        if not server.program.exists():
            _copy_module(server.source)
            _compile(server)
    return server


def _copy_module(source: Path) -> None:
    command = ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"]
    output = subprocess.run(command, cwd=source.parent, check=True, stdout=subprocess.PIPE).stdout
    shutil.rmtree(source, ignore_errors=True)
    # Go's module cache is read-only: without its modes the copy can be written to
    subprocess.run(["cp", "-r", "--no-preserve=mode", json.loads(output)["Dir"], source], check=True)


def _compile(server: Server) -> None:
    flags = f"-s -w -X main.Version={VERSION[1:]} -X 'main.Tags={TAGS}'"
    part = server.program.with_suffix(".part")
    command = ["go", "build", "-buildvcs=false", "-tags", TAGS, "-ldflags", flags, "-o", str(part), "."]
    env = {**os.environ, "CGO_ENABLED": "1"}
    subprocess.run(command, cwd=server.source, check=True, env=env, stdout=sys.stderr)
    part.replace(server.program)


def serve(server: Server, data: Path, changes: Sequence[str] = ()) -> NoReturn:
    """Run the server with its data in the new folder `data`; announce it on stdout; exit with its status.

    `changes` of the configuration are words such as `api.MAX_RESPONSE_ITEMS=3`.
    """
    (data / "app").mkdir(parents=True)
    url = _configure(server, data)
    with (data / "app.ini").open("a") as configuration:
        configuration.writelines(map(_lines, changes))
    run = _runner(server, data)
    run("migrate")
    password = secrets.token_urlsafe(16)
    token = _administrator(run, password)
    with _started(server, data) as child:
        _wait_ready(url, token, child)
        instance = Instance(url, token=token, user=USER, password=password, pid=child.pid, data=str(data))
        sys.stdout.write(f"{msgspec.json.encode(instance).decode()}\n")
        sys.stdout.flush()
        sys.exit(child.wait())


def _configure(server: Server, data: Path) -> str:
    """Write app.ini; the address the server will have."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    text = CONFIGURATION.format(
        run_user=subprocess.run(["id", "-un"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip(),
        data=data,
        port=port,
        url=url,
        source=server.source,
        secret_key=secrets.token_hex(32),
        internal_token=secrets.token_hex(32),
        jwt_secret=secrets.token_urlsafe(32),
        lfs_jwt_secret=secrets.token_urlsafe(32),
    )
    (data / "app.ini").write_text(text)
    return url


def _lines(change: str) -> str:
    """A later section of the same name adds to the earlier one, and replaces its keys."""
    name, _, value = change.partition("=")
    section, _, key = name.rpartition(".")
    return f"[{section}]\n{key} = {value}\n"


def _command(server: Server, data: Path, *words: str) -> list[str | Path]:
    return [server.program, "--config", data / "app.ini", *words]


def _environment(data: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**inherited, "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": "true", "HOME": str(data)}


def _runner(server: Server, data: Path) -> Run:
    """What runs the server's own commands: their output."""

    def run(*words: str) -> str:
        command = _command(server, data, *words)
        done = subprocess.run(command, cwd=data, env=_environment(data), check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    return run


def _administrator(run: Run, password: str) -> str:
    """Create the administrator; a token with all scopes."""
    user = ("--username", USER)
    email = ("--email", f"{USER}@example.invalid", "--must-change-password=false")
    run("admin", "user", "create", "--admin", *user, "--password", password, *email)
    words = ("admin", "user", "generate-access-token", *user, "--token-name", "tests", "--scopes", "all", "--raw")
    output = run(*words)
    tokens = re.findall(r"^[0-9a-f]{40}$", output, re.MULTILINE)  # on a slow machine it may print warnings, too
    if len(tokens) != 1:
        sys.exit(f"the server's command printed no token: {output[:200]!r}")
    return str(tokens[0])


@contextmanager
def _started(server: Server, data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (data / "server.out").open("wb") as out:
        child = subprocess.Popen(
            _command(server, data, "web"),
            cwd=data,
            env=_environment(data),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_ready(url: str, token: str, child: "subprocess.Popen[bytes]") -> None:
    """Until the server answers to its own token: another one could have taken the port meanwhile."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if child.poll() is not None:
            sys.exit(f"the server ended with status {child.returncode}")
        try:
            request = urllib.request.Request(f"{url}/api/v1/user", headers={"Authorization": f"token {token}"})
            direct.open(request, timeout=LONG).close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.UNAUTHORIZED:
                sys.exit(f"{url} does not accept this server's token: is it another server?")
            time.sleep(0.05)
        except OSError:  # URLError is one
            time.sleep(0.05)
        else:
            return
    sys.exit(f"{url} did not answer within {READY_SECONDS} s")


def main() -> None:
    parser = argparse.ArgumentParser(description="A real Gitea on loopback, until SIGTERM or SIGINT.")
    parser.add_argument("--cache", type=Path, required=True, help="where the server is built")
    parser.add_argument("--data", type=Path, help="a new folder for the server's data, kept at the end")
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting of app.ini")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # runs the cleanup below
    server = build(options.cache.resolve())
    if options.build_only:
        return
    if options.data:
        serve(server, options.data.resolve(), options.set)
    folder = Path(tempfile.mkdtemp(prefix="forge-"))
    try:
        serve(server, folder / "data", options.set)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
