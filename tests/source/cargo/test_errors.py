"""What cargo and git say, in their own words, becomes an error with an exit code and a way out."""

from pathlib import Path

import pytest

from hero_build.errors import (
    AuthError,
    BuildError,
    CheckoutRefused,
    DiskFull,
    HeroBuildError,
    MachineError,
    MissingTool,
    NetworkError,
    NotWritable,
    RefNotFound,
    RepoNotFound,
)
from hero_build.settings import Secret
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.errors import git_error
from hero_build.source.git.paths import Checkout

CARGO: list[tuple[str, type[HeroBuildError], str]] = [
    ("error: failed to write x.rlib: No space left on device (os error 28)", DiskFull, "cargo clean"),
    ("collect2: fatal error: ld terminated with signal 7 [Bus error]", DiskFull, "gc"),
    ("error: package `x v1` cannot be built because it requires rustc 1.91 or newer", MissingTool, "rustup update"),
    (
        "error: rustc 1.70.0 is not supported by the following packages:\n  a@1 requires rustc 1.75",
        MissingTool,
        "update",
    ),
    ("feature `edition2024` is required", MissingTool, "rustup update"),
    (
        "error: failed to parse lock file at: /x/Cargo.lock\n  lock file version 4 requires `-Znext-lockfile-bump`",
        MissingTool,
        "rustup update",
    ),
    (
        "error: toolchain '1.12.1-x86_64-unknown-linux-gnu' is not installed",
        MissingTool,
        "toolchain install 1.12.1-x86",
    ),
    ("error: rustup could not choose a version of cargo to run, because one wasn't specified", MissingTool, "default"),
    (
        "process didn't exit successfully: `sccache rustc -vV` (exit status: 2)\n--- stderr\n"
        "sccache: error: Timed out waiting for server startup. Maybe the remote service is unreachable?",
        MachineError,
        "RUSTC_WRAPPER=",
    ),
    ("sccache: error: Server startup failed: cache storage failed to read: Unexpected", MachineError, "reachable"),
    ("sccache: encountered fatal error", MachineError, "RUSTC_WRAPPER="),
    ("error: linker `cc` not found", MissingTool, "build-essential"),
    ("= note: the `x86_64-unknown-linux-musl` target may not be installed", MissingTool, "target add x86_64-unknown"),
    ("The system library `openssl` required by crate `openssl-sys` was not found.", MissingTool, "openssl-dev"),
    ("failed to execute command: No such file (os error 2)\nis `cmake` not installed?", MissingTool, "Install cmake"),
    ('error occurred in cc-rs: failed to find tool "musl-gcc": No such file', MissingTool, "Install musl-gcc"),
    ("Could not find `protoc`. If it is installed, set PROTOC", MissingTool, "Install protoc"),
    (
        "error: cannot update the lock file Cargo.lock because --locked was passed to prevent this",
        BuildError,
        "commit it",
    ),
    ("error: could not compile `x` (lib)\n(signal: 9, SIGKILL: kill)", BuildError, "memory"),
    ("error[E0432]: unresolved import `a::b`", BuildError, "cargo build --release"),
    ("", BuildError, "cargo build --release"),
]
GIT: list[tuple[str, type[HeroBuildError], str]] = [
    ("fatal: write error: No space left on device", DiskFull, "Free some space"),
    ("fatal: Unable to create '/x/.git/index.lock': File exists.", CheckoutRefused, "delete /x/.git/index.lock"),
    ("error: Your local changes to the following files would be overwritten by checkout:", CheckoutRefused, "stash"),
    ("fatal: could not read Username for 'https://f': terminal prompts disabled", AuthError, "FORGEJO_TOKEN"),
    ("fatal: unable to access 'https://f/': The requested URL returned error: 403", AuthError, "FORGEJO_TOKEN"),
    ("fatal: Authentication failed for 'https://me:secret@f/o/app.git/'", AuthError, "FORGEJO_TOKEN"),
    (
        "git@f: Permission denied (publickey).\nfatal: Could not read from remote repository.",
        AuthError,
        "FORGEJO_TOKEN",
    ),
    ("fatal: repository 'https://f/o/app.git/' not found", RepoNotFound, "FORGEJO_TOKEN"),
    ("fatal: couldn't find remote ref refs/tags/v9", RefNotFound, "ls-remote"),
    ("fatal: remote error: upload-pack: not our ref ffff", RefNotFound, "ls-remote"),
    ("fatal: unable to access 'https://f/': Could not resolve host: f", NetworkError, "ls-remote"),
    ("fatal: unable to access 'https://f/': SSL certificate problem: self-signed", NetworkError, "GIT_SSL_CAINFO"),
    ("error: RPC failed; curl 56\nfatal: early EOF", NetworkError, "ls-remote"),
    ("fatal: unable to access 'https://f/': Operation too slow. Less than 1 bytes/sec", NetworkError, "ls-remote"),
    ("fatal: cannot mkdir x: Permission denied", NotWritable, "writable"),
    ("fatal: detected dubious ownership in repository at '/x'", CheckoutRefused, "safe.directory"),
    ("fatal: bad object HEAD", CheckoutRefused, "cloned again"),
    ("fatal: something that no one has seen", CheckoutRefused, "by hand"),
    ("", CheckoutRefused, "by hand"),
]


@pytest.mark.parametrize(("output", "kind", "hint"), CARGO)
def test_cargo_output(output: str, kind: type[HeroBuildError], hint: str) -> None:
    error = cargo_error(
        "cargo could not build x", tail=output.split("\n") if output else [], folder=Path("/x"), log=Path("/log")
    )
    assert type(error) is kind
    assert hint in error.hint
    assert "{}" not in error.message + error.hint
    if isinstance(error, BuildError):
        assert error.log == Path("/log")


KILLED = "; SIGKILL ended a compiler or another process of the build"


@pytest.mark.parametrize(
    ("output", "code", "reason", "hint"),
    [
        ("error: could not compile `x` (lib)\n(signal: 9, SIGKILL: kill)", 101, f"compile `x` (lib){KILLED}", "memory"),
        ("sccache: Compiler killed by signal 9\nerror: could not compile `x`", 101, f"compile `x`{KILLED}", "memory"),
        ("error: linking with `cc` failed: signal: 9 (SIGKILL)", 101, f"9 (SIGKILL){KILLED}", "memory"),
        ("collect2: fatal error: ld terminated with signal 9 [Killed]", 101, f"[Killed]{KILLED}", "memory"),
        ("error: could not compile `x`\n(signal: 11, SIGSEGV)", 101, "SIGSEGV ended a compiler", "cargo build"),
        ("   Compiling x v0.1.0", -9, "Compiling x v0.1.0; SIGKILL ended cargo", "memory"),
        ("", -9, "cargo could not build x: SIGKILL ended cargo", "memory"),
        ("", -15, "cargo could not build x: SIGTERM ended cargo", "cargo build"),
        ("", 101, "cargo could not build x: no reason given", "cargo build"),
    ],
)
def test_a_signal_that_ended_the_build(output: str, code: int, reason: str, hint: str) -> None:
    tail = output.split("\n") if output else []
    error = cargo_error("cargo could not build x", tail=tail, folder=Path("/x"), code=code)
    assert type(error) is BuildError
    assert reason in error.message
    assert hint in error.hint


@pytest.mark.parametrize(("output", "kind", "hint"), GIT)
def test_git_output(output: str, kind: type[HeroBuildError], hint: str, tmp_path: Path) -> None:
    target = Checkout(tmp_path, "o/app", "https://f/o/app.git")
    error = git_error(
        "fetch",
        tail=output.split("\n") if output else [],
        checkout=target,
        access=GitAccess("https://f", Secret("token")),
    )
    assert type(error) is kind
    assert hint in error.hint
    assert "secret" not in error.message + error.hint


UNTRUSTED = [
    "server certificate verification failed. CAfile: none CRLfile: none",
    "SSL certificate problem: self-signed certificate",
    "SSL certificate problem: unable to get local issuer certificate",
    "SSL: certificate subject name 'other' does not match target host name 'f'",
    "SSL peer certificate or SSH remote key was not OK",
]


@pytest.mark.parametrize("reason", UNTRUSTED)
@pytest.mark.parametrize(
    ("environ", "hint"),
    [
        ({"SSL_CERT_DIR": "/ca"}, "git does not read SSL_CERT_DIR: set GIT_SSL_CAPATH=/ca, too."),
        ({"SSL_CERT_FILE": "/ca.pem"}, "git does not read SSL_CERT_FILE: set GIT_SSL_CAINFO=/ca.pem, too."),
        ({}, "GIT_SSL_CAINFO may name the file of a private authority"),
        ({"SSL_CERT_FILE": "/ca.pem", "GIT_SSL_CAINFO": "/other.pem"}, "Check this machine's clock and certificates"),
    ],
)
def test_a_certificate_that_git_does_not_trust(
    reason: str, environ: dict[str, str], hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "SSL_CERT_DIR", "GIT_SSL_CAPATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    place = Checkout(Path("/code0/o/app"), "o/app", "https://f/o/app.git")
    tail = [f"fatal: unable to access 'https://f/o/app.git/': {reason}"]
    error = git_error("clone", tail=tail, checkout=place, access=GitAccess("https://f"))
    assert type(error) is NetworkError
    assert reason in error.message
    assert hint in error.hint
