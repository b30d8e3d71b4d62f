"""Bad input: a forge that refuses, fails, stalls, breaks off, or redirects elsewhere."""

import json
from collections.abc import Callable, Sequence

from support.elf_files import program, static_bytes
from support.fault_server import Behaviour, Flood, answer, cut_at, gzipped, json_answer, many_headers, raw, redirect
from support.mirrors import asset
from support.refusals import STALLS, Refusal, Row, Stage, Start, check_row, parametrize_rows

LATEST = "/api/v1/repos/o/db/releases/latest"
ADMIN = asset("db_admin")
FILE = f"/dl/v2/{ADMIN}"
RIGHT = static_bytes(program("db_admin", "v2"), 300_000)
HOST = "127.0.0.1"
NEW_TOKEN = "Put a valid token into FORGEJO_TOKEN, or unset it: an invalid one is refused even where none is needed."
SCOPES = "The token in FORGEJO_TOKEN needs read access to repositories and packages (read:repository, read:package)."
HIDDEN = "A private repository answers 404 without read access: may the token in FORGEJO_TOKEN read it?"
LATER = "Try again later; what was already downloaded is kept."
ADDRESS = "Check the address with --forge or FORGEJO_URL; does it open in a browser?"
NOT_A_FORGE = "Is that a Forgejo server, of a version that this hero-build supports? Check --forge and FORGEJO_URL."
BROWSER = "Check the address: use the one that opens in a browser."
REACH = "Check the network, and the address (--forge, FORGEJO_URL); `hero-build doctor` checks the connection."
ROOT_URL = "Ask the operator of that forge to check its public address (ROOT_URL)."
PLAIN = "Ask the operator of that server to send releases uncompressed (no gzip)."


def on(path: str, *behaviours: Behaviour) -> Callable[[Stage], None]:
    """All is right but the answer of `path`."""

    def arrange(stage: Stage) -> None:
        stage.publish(db_admin=RIGHT)
        stage.forge.on(path, *behaviours)

    return arrange


def message(words: str) -> bytes:
    return json.dumps({"message": words, "url": "/api/swagger"}).encode()


def both(name: str, behaviour: Behaviour, kind: str, message: str, hint: str, code: int = 4) -> Sequence[Row]:
    """The same of the API, which is asked first, and of an asset, when all the rest has come."""

    def row(place: str, path: str, start: Start) -> Row:
        refusal = Refusal(code, kind=kind, message=message.format(path=path), hint=hint)
        return Row(f"{name}-of-the-{place}", on(path, behaviour), refusal, starts=(start,))

    return row("api", LATEST, "empty-root"), row("asset", FILE, "over-v1")


def nobody(stage: Stage) -> None:
    stage.forge.stop()


def there_and_back(stage: Stage) -> None:
    stage.publish(db_admin=RIGHT)
    stage.forge.on(FILE, redirect(f"{stage.another.url}/x"))
    stage.another.on("/x", redirect(f"{stage.forge.url}{FILE}"))


ROWS = (
    *both(
        "401",
        behaviour=answer(401, message("user does not exist")),
        kind="AuthError",
        message=f"{HOST} does not accept the request (401): user does not exist",
        hint=NEW_TOKEN,
    ),
    *both(
        "403",
        behaviour=answer(403, message("token does not have a scope")),
        kind="AuthError",
        message=f"{HOST} forbids the request (403): token does not have a scope",
        hint=SCOPES,
    ),
    Row(
        "404-of-the-asset",
        on(FILE, answer(404, b"Not found.\n")),
        Refusal(
            3,
            kind="AssetNotFound",
            message=f"{ADMIN} is not where the release says: {HOST} has no {FILE} (404): Not found.",
            hint=HIDDEN,
        ),
    ),
    *both(
        "429-without-Retry-After",
        behaviour=answer(429, b"slow down"),
        kind="NetworkError",
        message=f"{HOST} receives too many requests (429): slow down",
        hint=LATER,
    ),
    *both(
        "429-with-Retry-After",
        behaviour=answer(429, b"slow down", {"Retry-After": "0"}),
        kind="NetworkError",
        message=f"{HOST} receives too many requests (429): slow down",
        hint=LATER,
    ),
    *both(
        "500-for-ever",
        behaviour=answer(500, b"oops\n<more>"),
        kind="NetworkError",
        message=f"{HOST} failed (500): oops",
        hint=LATER,
    ),
    *both("503-silent", behaviour=answer(503), kind="NetworkError", message=f"{HOST} failed (503)", hint=LATER),
    *both(
        "a-status-that-means-nothing",
        behaviour=answer(418, b"\x1b[31mI am a teapot"),
        kind="BadForgeResponse",
        message=f"{HOST} answered with the unexpected status 418: I am a teapot",
        hint=ADDRESS,
    ),
    Row(
        "no-server",
        nobody,
        Refusal(4, kind="NetworkError", message=f"{HOST} cannot be reached: Connection refused", hint=REACH),
    ),
    Row(
        "a-host-that-is-none",
        Stage.publish,
        Refusal(4, kind="NetworkError", message="forge.invalid cannot be reached: …", hint=REACH),
        environ={"FORGEJO_URL": "http://forge.invalid"},
    ),
    *both(
        "reset-before-the-answer",
        behaviour=lambda line, seen: line.reset(),
        kind="NetworkError",
        message=f"{HOST} did not respond: Connection reset by peer",
        hint=REACH,
    ),
    Row(
        "reset-mid-body-for-ever",
        on(FILE, cut_at(RIGHT, 100_000, "reset")),
        Refusal(
            4, kind="NetworkError", message=f"the response of {HOST} broke off: Connection reset by peer", hint=LATER
        ),
    ),
    Row(
        "stall-mid-body-for-ever",
        on(FILE, cut_at(RIGHT, 100_000, "stall")),
        Refusal(4, kind="NetworkError", message=f"the response of {HOST} broke off: no data for 2 s", hint=LATER),
        settings=STALLS,
    ),
    *both(
        "never-ending-headers",
        behaviour=many_headers(),
        kind="BadForgeResponse",
        message=f"the response of {HOST} is not valid HTTP: got more than 100 headers",
        hint=BROWSER,
    ),
    *both(
        "no-http-at-all",
        behaviour=raw(b"SSH-2.0-OpenSSH_9\r\n"),
        kind="BadForgeResponse",
        message=f"{HOST} does not speak HTTP",
        hint=BROWSER,
    ),
    Row(
        "redirect-loop-of-the-api",
        on(LATEST, redirect(LATEST)),
        Refusal(4, kind="BadForgeResponse", message=f"{HOST} redirects in a circle, at {LATEST}", hint=ADDRESS),
    ),
    Row(
        "redirect-loop-over-two-hosts",
        there_and_back,
        Refusal(4, kind="BadForgeResponse", message=f"{HOST} redirects in a circle, at {FILE}", hint=ADDRESS),
    ),
    *both(
        "redirect-to-a-file",
        behaviour=redirect("file:///etc/passwd"),
        kind="BadForgeResponse",
        message=f"a redirect of {HOST} names an invalid address: 'file:…/etc/passwd'",
        hint=ROOT_URL,
    ),
    *both(
        "redirect-nowhere",
        behaviour=redirect(""),
        kind="BadForgeResponse",
        message=f"{HOST} redirects {{path}} and does not say where",
        hint=ADDRESS,
    ),
    *both(
        "gzip",
        behaviour=gzipped(RIGHT),
        kind="BadForgeResponse",
        message=f"{HOST} sends {{path}} encoded as 'gzip', which was not requested",
        hint=PLAIN,
    ),
    Row(
        "api-answer-not-JSON",
        on(LATEST, answer(200, b"<!DOCTYPE html>\n<p>hello")),
        Refusal(
            4,
            kind="BadForgeResponse",
            message=f"{HOST} answered {LATEST} with something that is not JSON: <!DOCTYPE html>",
            hint=ADDRESS,
        ),
    ),
    Row(
        "api-answer-of-another-format",
        on(LATEST, json_answer(["v2"])),
        Refusal(
            4,
            kind="BadForgeResponse",
            message="the newest release of o/db has an unexpected format: Expected `object`, got `array`",
            hint=NOT_A_FORGE,
        ),
    ),
    Row(
        "api-answer-nested-without-end",
        on(LATEST, answer(200, b'{"later": ' + b"[" * 1_000_000)),
        Refusal(
            4,
            kind="BadForgeResponse",
            message=f'{HOST} answered {LATEST} with something that is not JSON: {{"later": […',
            hint=ADDRESS,
        ),
    ),
    Row(
        "api-answer-of-100-MB",
        on(LATEST, Flood()),
        Refusal(4, kind="BadForgeResponse", message=f"{HOST} answered {LATEST} with more than 8 MiB", hint=ADDRESS),
    ),
    Row(
        "checksum-file-of-100-MB",
        on("/dl/v2/SHA256SUMS", Flood()),
        Refusal(
            4,
            kind="BadForgeResponse",
            message="SHA256SUMS has more than 1048576 bytes, which is too many",
            hint="Run it again; if it still fails, ask the publisher of the release to upload it again.",
        ),
    ),
)


@parametrize_rows(ROWS)
def test_wire(row: Row, start: Start, stage: Stage) -> None:
    check_row(stage, row, start)
