"""A checksum that a release publishes counts, whatever the form of the file that it is in: no command goes without."""

import hashlib
import json
from collections.abc import Mapping

import pytest

from support import mirrors
from support.elf_files import program, static_bytes
from support.mirrors import asset
from support.refusals import program_output
from support.worlds import World

DB, ADMIN = asset("db"), asset("db_admin")
OTHER = hashlib.sha256(b"other").hexdigest()
FORMS = {
    "text": "{digest}  {name}\n",
    "binary": "{digest} *{name}\n",
    "bsd": "SHA256 ({name}) = {digest}\n",
    "openssl": "SHA2-256({name})= {digest}\n",
    "upper-case": "{upper}  {name}\n",
    "crlf": "{digest}  {name}\r\n",
    "byte-order-mark": "\ufeff{digest}  {name}\n",
    "here": "{digest}  ./{name}\n",
    "in-a-folder": "{digest}  dist/{name}\n",
    "in-an-absolute-folder": "{digest} */build/out/{name}\n",
    "in-a-windows-folder": "{upper} *dist\\{name}\r\n",
    "bsd-in-a-folder": "SHA256 (dist/{name}) = {digest}\n",
}
FILES = ("SHA256SUMS", "sha256sums.txt", "checksums.txt", "{asset}.sha256", "{asset}.sha256sum")
REQUIRED = ("install", "db", "--checksum", "required")
TAMPERED = static_bytes(program("db", "evil"))


def line(form: str, name: str, digest: str) -> bytes:
    return FORMS[form].format(name=name, digest=digest, upper=digest.upper()).encode()


def good() -> dict[str, bytes]:
    return mirrors.programs("v2", "db", "db_admin")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def published(file: str, form: str) -> dict[str, bytes]:
    """Checksum files in this form, of the programs as they were built."""
    files: dict[str, bytes] = {}
    for name, content in good().items():
        place = file.format(asset=name)
        text = line(form, name, digest(content))
        files[place] = files.get(place, b"") + (text.removeprefix(b"\xef\xbb\xbf") if place in files else text)
    return files


def release(world: World, checksums: Mapping[str, bytes], *, tampered: bool) -> None:
    world.recipe("db", "db", "db_admin")
    files = {**good(), **checksums}
    if tampered:
        files[DB] = TAMPERED
    mirrors.release(world.mirror, app="db", tag="v2", files=files, checksums=False)


def v1_installed(world: World) -> None:
    world.recipe("db", "db", "db_admin")
    mirrors.release(world.mirror, app="db", tag="v1", files=mirrors.programs("v1", "db", "db_admin"))
    world.ok("install", "db")


def commands(world: World) -> tuple[tuple[str, ...], ...]:
    """Every command that takes something from a release."""
    install, mirror, lock = (
        ("install", "db"),
        ("mirror", "db", f"{world.folder}/m"),
        ("lock", "db", "-o", lock_file(world)),
    )
    return (install, (*install, "--checksum", "required"), mirror, lock, compare())


def compare() -> tuple[str, ...]:
    return ("verify", "db", "--against-release", "--version", "v2")


def lock_file(world: World) -> str:
    return str(world.folder / "db.lock")


def check_refused(world: World, words: tuple[str, ...], sentence: str) -> None:
    """Exit 5 with this sentence; the old version stays, and nothing is written."""
    done = world.run(*words)
    text = done.err + done.out
    assert done.code == 5, (words, text)
    assert sentence in text, (words, text)
    assert program_output(world.root) == "db v1\n"
    assert not (world.folder / "m" / "o").exists()
    assert not (world.folder / "db.lock").exists()


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_list_is_read_by_each_command(world: World, form: str) -> None:
    v1_installed(world)
    release(world, published("SHA256SUMS", form), tampered=True)
    right = digest(good()[DB])
    *downloads, lock, compared = commands(world)
    for words in downloads:
        check_refused(world, words, f"{DB} has the sha256 {digest(TAMPERED)}, expected {right}")
    check_refused(world, compared, f"the release has {right[:12]}…")
    world.ok(*lock)
    (app,) = json.loads((world.folder / "db.lock").read_text())["apps"].values()
    assert {item["name"]: item["sha256"] for item in app["assets"]}[DB] == right


@pytest.mark.parametrize("file", FILES)
def test_each_checksum_file_is_read(world: World, file: str) -> None:
    v1_installed(world)
    release(world, published(file, "text"), tampered=True)
    check_refused(world, REQUIRED, f"{DB} has the sha256 {digest(TAMPERED)}, expected")
    release(world, published(file, "text"), tampered=False)
    assert "db v1 -> v2" in world.ok(*REQUIRED)


@pytest.mark.parametrize("file", ["SHA256SUMS", "sha256sums.txt", "checksums.txt", f"{DB}.sha256", f"{DB}.sha256sum"])
def test_a_checksum_file_that_does_not_list_an_asset_is_an_error(world: World, file: str) -> None:
    v1_installed(world)
    release(world, {file: line("text", "db-of-old", OTHER)}, tampered=True)
    for words in commands(world):
        check_refused(world, words, f"{file} does not list '{DB}'; it lists db-of-old")


def test_another_checksum_file_may_list_it_unless_checksums_are_required(world: World) -> None:
    v1_installed(world)
    own = published("{asset}.sha256", "text")
    release(world, {"SHA256SUMS": line("text", ADMIN, digest(good()[ADMIN])), **own}, tampered=False)
    check_refused(world, REQUIRED, f"SHA256SUMS does not list '{DB}'; it lists {ADMIN}")
    assert "db v1 -> v2" in world.ok("install", "db", "--checksum", "if-present")


def test_an_asset_of_a_release_without_checksum_files_is_installed_if_none_is_required(world: World) -> None:
    release(world, {}, tampered=False)
    done = world.run(*REQUIRED)
    assert (done.code, f"has no checksum for {DB}" in done.err) == (5, True)
    assert "db v2" in world.ok("install", "db")


@pytest.mark.parametrize(
    "files",
    [("SHA256SUMS", "checksums.txt"), ("SHA256SUMS", f"{DB}.sha256"), (f"{DB}.sha256", f"{DB}.sha256sum")],
    ids=["lists", "list-and-own", "own"],
)
def test_checksum_files_that_contradict_each_other(world: World, files: tuple[str, str]) -> None:
    v1_installed(world)
    first, second = files
    right = published(first, "text") if first == "SHA256SUMS" else {first: line("text", DB, digest(good()[DB]))}
    other = line("text", DB, digest(TAMPERED)) + line("text", ADMIN, digest(good()[ADMIN]))
    release(world, {**right, second: other}, tampered=True)
    for words in commands(world):
        check_refused(world, words, f"{first} and {second} have different digests for '{DB}'")


def test_a_service_manifest_that_is_not_as_published_is_refused(world: World) -> None:
    """A release's service.toml says which programs it has."""
    recipe = world.recipe("db", "db")
    recipe.write_text("".join(text for text in recipe.read_text().splitlines(True) if "binaries" not in text))
    manifest = b'[service]\nname = "db"\n\n[[binaries]]\nname = "db"\nkind = "cli"\n'
    files = {**good(), "service.toml": manifest}
    lists = {"SHA256SUMS": mirrors.sums({**files, "service.toml": b"another"})}
    mirrors.release(world.mirror, app="db", tag="v2", files={**files, **lists}, checksums=False)
    done = world.run("install", "db", "--mode", "download")
    assert (done.code, "have different digests for 'service.toml'" in done.err) == (5, True), done.err
    assert not world.root.current.exists()
