"""What a service gets: environment files, secrets and the recipe's variables, on a real supervisord."""

import os
import pwd
from pathlib import Path

import pytest

from support.service_world import ServiceWorld

READS_A_SECRET = """def services(self, ctx):
    (item,) = super().services(ctx)
    return (replace(item, secret_env=(("KEY", ctx.secret("key")),)),)"""


def environment(stack: ServiceWorld, service: str = "app_server") -> dict[str, str]:
    """The environment of the running process."""
    raw = Path(f"/proc/{stack.pid(service)}/environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(entry).partition("=")[::2] for entry in raw if entry)


def test_a_service_has_the_files_variables_and_none_of_the_shells(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.env_file("hero", "ONE=hero\nTWO=hero\n")
    stack.env_file(
        "app", '# a comment\nexport TWO=\'it is = "quoted"\'\n\nLINES="first\nsecond"\nDOLLAR=a$HOME${HOME}\nEMPTY=\n'
    )
    done = stack.run("start", "app", env={"FORGEJO_TOKEN": "s3cret", "SHELLS_OWN": "1", "HOME": "/nowhere"})
    assert (done.code, "warning" in done.err) == (0, False), done.err
    seen = environment(stack)
    assert (seen["ONE"], seen["TWO"], seen["EMPTY"]) == ("hero", 'it is = "quoted"', "")
    assert (seen["LINES"], seen["DOLLAR"]) == ("first\nsecond", "a$HOME${HOME}")
    assert seen["HERO_ROOT"] == str(stack.root.path)
    assert seen["HERO_SOCKET_DIR"] == str(stack.root.path / "var" / "sockets")
    assert seen["PATH"].startswith(f"{stack.root.path}/bin:")
    assert seen["HOME"] == pwd.getpwuid(os.getuid()).pw_dir
    assert not {"FORGEJO_TOKEN", "SHELLS_OWN"} & seen.keys()


def test_a_changed_environment_is_a_restart(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    before = stack.pid("app_server")
    stack.env_file("app", "NEW=1\n")
    done = stack.run("start", "app", "--json")
    (service,) = done.document["services"]
    assert (service["result"], service["pid_before"]) == ("restarted", before)
    assert environment(stack)["NEW"] == "1"


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_an_environment_file_that_others_may_read_is_a_warning(stack: ServiceWorld, mode: int) -> None:
    stack.install("app")
    path = stack.env_file("app", "ONE=1\n", mode)
    done = stack.run("start", "app")
    assert done.code == 0
    assert f"warning: {path} can be read by other users" in done.err
    assert environment(stack)["ONE"] == "1"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nno value\n", "line 2: not a KEY=value line"),
        ("A='open\n", "line 1"),
        ("a-b=1\n", "line 1: 'a-b' cannot be set"),
    ],
)
def test_a_broken_environment_file_is_an_error_that_names_the_line(stack: ServiceWorld, text: str, line: str) -> None:
    stack.install("app")
    path = stack.env_file("app", text)
    done = stack.run("start", "app")
    assert done.code == 2
    assert f"{path}, {line}" in done.err
    assert not stack.running()


def test_a_token_in_an_environment_file_never_enters_a_service(stack: ServiceWorld) -> None:
    stack.install("app")
    path = stack.env_file("app", "FORGEJO_TOKEN=s3cret\n")
    done = stack.run("start", "app")
    assert f"warning: {path} sets FORGEJO_TOKEN, which is left out" in done.err
    assert "s3cret" not in f"{done.err}{environment(stack)}"


def test_a_secret_is_in_the_service_and_nowhere_else(stack: ServiceWorld) -> None:
    stack.service("app", methods=READS_A_SECRET)
    stack.install("app")
    missing = stack.run("start", "app")
    assert missing.code == 8
    assert "app needs the secret 'key', and this machine does not have it" in missing.err
    path = stack.root.path / "cfg" / "secrets" / "app" / "key"
    path.parent.mkdir(parents=True)
    path.write_text("s3cret=\n")
    path.chmod(0o644)
    assert f"{path} can be read by other users" in stack.run("start", "app").err
    path.chmod(0o600)
    stack.ok("start", "app")
    assert environment(stack)["KEY"] == "s3cret="
    holds = [item for item in stack.root.path.rglob("*") if item.is_file() and b"s3cret" in item.read_bytes()]
    assert {item.stat().st_mode & 0o777 for item in holds} == {0o600}
    assert {item.name for item in holds} == {"key", "app_server.env"}


def test_a_secret_may_come_from_systemd(stack: ServiceWorld) -> None:
    stack.service("app", methods=READS_A_SECRET)
    stack.install("app")
    (stack.folder / "credentials").mkdir()
    (stack.folder / "credentials" / "app.key").write_text("s3cret")
    done = stack.run("start", "app", env={"CREDENTIALS_DIRECTORY": str(stack.folder / "credentials")})
    assert done.code == 0, done.err
    assert environment(stack)["KEY"] == "s3cret"


def test_an_instance_has_its_own_data_sockets_and_name(stack: ServiceWorld) -> None:
    stack.service("app", attributes="instances = True")
    stack.install("app")
    done = stack.run("start", "app:alpha", "app:beta", "app", "--json")
    assert done.code == 0, done.err
    assert [item["service"] for item in done.document["services"]] == [
        "app_server:alpha",
        "app_server:beta",
        "app_server",
    ]
    assert environment(stack, "app_server:alpha")["HERO_INSTANCE"] == "alpha"
    assert stack.socket("app/alpha").is_socket()
    assert (stack.root.path / "var" / "app" / "beta").is_dir()
    assert {name: item["instance"] for name, item in stack.services().items()} == {
        "app_server": "",
        "app_server:alpha": "alpha",
        "app_server:beta": "beta",
    }
    page = stack.run("status", "app").out
    for name, item in stack.services().items():
        assert f"{name} {item['pid']}" in page, page
    stack.ok("stop", "app:alpha")
    assert {name for name, item in stack.services().items() if item["pid"]} == {"app_server", "app_server:beta"}
    stack.ok("stop", "app")
    assert not stack.running()
