"""SHA256SUMS and <asset>.sha256, as sha256sum writes them and as they go wrong."""

import hashlib
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_build.errors import InvalidChecksumFile
from hero_build.verify.checksums import is_list, own_files, parse, parse_single, published_digests, uncompared_files

A, B = "a" * 64, "b" * 64


def test_all_forms_in_one_file() -> None:
    text = f"\ufeff# made by hand\r\n\r\n{A}  one\r\n{B.upper()} *two\n  {A}\tthree\n{B}  ./four\n{A}   with  spaces\n"
    assert parse(text.encode(), "SHA256SUMS") == {"one": A, "two": B, "three": A, "four": B, "with  spaces": A}


def test_tagged_lines_and_utf16_are_parsed() -> None:
    """`sha256sum --tag`, BSD's `sha256`, `openssl dgst -sha256`, and PowerShell's redirection of any of them."""
    text = f"SHA256 (one) = {A}\r\nSHA256 (dist/t (2).x) = {B.upper()}\nSHA2-256(three)= {A}\n"
    digests = {"one": A, "dist/t (2).x": B, "three": A}
    assert parse(text.encode(), "SHA256SUMS") == digests
    assert parse(text.encode("utf-16"), "SHA256SUMS") == digests


def test_output_of_sha256sum_is_parsed(tmp_path: Path) -> None:
    for name in ("hero_db-linux-amd64-musl", "a b", "*star", "ünï", "dist\\file", "two\nlines"):
        (tmp_path / name).write_text(name)
    for flag in ("--text", "--binary", "--tag"):
        command = ["sha256sum", flag, *(path.name for path in sorted(tmp_path.iterdir()))]
        out = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
        assert parse(out, "SHA256SUMS") == digests


def test_lines_of_other_algorithms_and_a_signature_around_the_list_are_skipped() -> None:
    other = f"SHA512 (one) = {A}{B}\nMD5 (one) = 00\nBLAKE2b (one) = {A}\nSIZE (one) = 12 bytes\n"
    text = f"{other}SHA256 (one) = {A}\n"
    assert parse(text.encode(), "CHECKSUM") == {"one": A}
    head, tail = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n", "-----BEGIN PGP SIGNATURE-----\n\niQEz\n"
    assert parse(f"\n{head}{text}{tail}".encode(), "CHECKSUM") == {"one": A}
    for broken in (
        other,
        f"SHA256 (one) = {A[1:]}\n",
        f"sha256 (one) = {A[1:]}\n",
        f"{head}{tail}",
        head,
        f"{text}{tail}",
    ):
        with pytest.raises(InvalidChecksumFile):
            parse(broken.encode(), "CHECKSUM")


LISTS = """SHA256SUMS SHA256SUM sha256sum.txt sha256sums.txt SHASUMS256.txt checksums.txt Checksum.txt sha256.txt
checksums_sha256.txt checksums.sha256 sha256-checksums.txt app_1.0_SHA256SUMS app_1.0_checksums.txt CHECKSUM
app-v1-sha256sums.txt"""
NO_LISTS = """checksums-linux-amd64-musl sha256sum-linux-amd64 checksums.txt.minisig SHA256SUMS.asc SHA512SUMS
checksums.json asset.sha256sum asset.sha256 asset.sha256.txt checksums.tar.gz
hero_checksums_server-linux-amd64-musl"""


def test_lists_by_their_names() -> None:
    assert [name for name in LISTS.split() if not is_list(name)] == []
    assert [name for name in NO_LISTS.split() if is_list(name)] == []


@pytest.mark.parametrize("name", ["asset.sha256", "asset.SHA256", "asset.sha256sum", "asset.sha256.txt"])
def test_the_own_checksum_files_of_an_asset(name: str) -> None:
    assert own_files("asset", ("asset", name, "asset2.sha256")) == (name,)
    with pytest.raises(InvalidChecksumFile, match="have different digests"):
        published_digests({"asset": B}, files=("asset", name), read=lambda _: A.encode())


def test_a_checksum_file_of_no_asset_counts_for_those_that_it_names() -> None:
    files = ("asset", "gone.sha256", "app.sha256")
    contents = {"gone.sha256": A, "app.sha256": f"{A}  gone\n{B}  asset\n"}
    digests = published_digests({"asset": None}, files=files, read=lambda name: contents[name].encode())
    assert (digests["asset"].sha256, digests["asset"].source) == (B, "app.sha256")
    contents["app.sha256"] = f"{A}  gone\n"
    assert published_digests({"asset": None}, files=files, read=lambda name: contents[name].encode()) == {}


def test_checksum_files_that_are_not_compared() -> None:
    files = ("asset", "other", "asset.md5", "other.md5", "SHA512SUMS", "B2SUMS", "checksums-sha512.txt", "app.tar.gz")
    assert uncompared_files({"asset"}, files) == ("asset.md5", "SHA512SUMS", "B2SUMS", "checksums-sha512.txt")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "names no file"),
        (b"# nothing\n\n", "names no file"),
        (b"<!DOCTYPE html>\n", "line 1, is not `hash  name`: '<!DOCTYPE html>'"),
        (f"{A}  one\n{A[:-1]}  two\n".encode(), "line 2, is not"),
        (f"{A}f  one\n".encode(), "line 1, is not"),
        (f"{A}\n".encode(), "line 1, is not"),
        (f"{A}  \n".encode(), "line 1, is not"),
        (f"{A}  one\n{B}  one\n".encode(), "two digests for 'one'"),
        (f"{A}  one\n{B}  ./one\n".encode(), "two digests for 'one'"),
        (f"{A}  o\x1b[31mne\n".encode(), "control characters"),
        (f"{A}  o\0ne\n".encode(), "control characters"),
        (f"{A}  one\r{B}  two\n".encode(), "control characters"),
        (b"\x7fELF\x02\x01\x01\xff\xfe", "is not text"),
    ],
)
def test_ambiguous_content_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidChecksumFile) as caught:
        parse(data, "SHA256SUMS")
    assert caught.value.message.startswith("SHA256SUMS")
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.code == 5


def test_the_same_line_twice_is_no_contradiction() -> None:
    assert parse(f"{A}  one\n{A.upper()} *one\n".encode(), "SHA256SUMS") == {"one": A}


@pytest.mark.parametrize(
    "text",
    [
        A,
        f"{A.upper()}\r\n",
        f"  {A}  \n\n",
        f"# comment\n{A}\n",
        f"{A}  asset\n",
        f"{A} *dist/asset\n",
        f"{A}  ./asset\n",
        f"{B}  other\n{A}  asset\n",
        f"{A}  asset\n{A}  dist/asset\n",
    ],
)
def test_a_single_checksum(text: str) -> None:
    assert parse_single(text.encode(), "asset", "asset.sha256") == A


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{A}  other\n", "asset.sha256 does not list 'asset'; it lists other"),
        (f"{A}  asset\n{B}  dist/asset\n", "asset.sha256 has two digests for 'asset'"),
        (f"{A}\n{B}\n", "asset.sha256, line 1, is not"),
        ("", "asset.sha256 names no file"),
        ("404 page not found\n", "asset.sha256, line 1, is not"),
    ],
)
def test_a_single_checksum_that_is_not_clear_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidChecksumFile) as caught:
        parse_single(text.encode(), "asset", "asset.sha256")
    assert words in caught.value.message


names = st.text(st.characters(min_codepoint=33, blacklist_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda name: not name.startswith(("*", "./")) and not name[0].isspace()
)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(
    entries=st.dictionaries(names, digests, min_size=1),
    separator=st.sampled_from(["  ", " *", "\t"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    upper=st.booleans(),
)
def test_every_valid_form_is_parsed(entries: dict[str, str], separator: str, newline: str, upper: bool) -> None:
    lines = (f"{digest.upper() if upper else digest}{separator}{name}{newline}" for name, digest in entries.items())
    assert parse("".join(lines).encode(), "SHA256SUMS") == entries


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidChecksumFile):
        parsed = parse(data, "SHA256SUMS")
        assert parsed
        assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in parsed.values())
