"""Signatures as py-minisign writes them, of both kinds, and files that are none."""

import base64

import minisign
import pytest

from hero_build.errors import UsageError
from hero_build.verify.minisign import verifies

PAIR, STRANGER = minisign.KeyPair.generate(), minisign.KeyPair.generate()
PUBLIC = bytes(PAIR.public_key).decode()
CONTENT = b"apps = 1\n"


def signed(content: bytes = CONTENT, *, prehash: bool = True) -> bytes:
    return bytes(PAIR.secret_key.sign(content, prehash=prehash, trusted_comment="hero_db v1", untrusted_comment="any"))


@pytest.mark.parametrize("prehash", [True, False])
@pytest.mark.parametrize("content", [b"", CONTENT, b"\0" * 100_000])
def test_both_kinds_of_signatures(prehash: bool, content: bytes) -> None:
    signature = signed(content, prehash=prehash)
    assert verifies(signature, content, PUBLIC)
    assert verifies(signature, content, PUBLIC.splitlines()[-1])
    assert not verifies(signature, content + b"\n", PUBLIC)
    assert not verifies(signature, content, bytes(STRANGER.public_key).decode())


def test_the_trusted_comment_is_signed_and_the_other_is_not() -> None:
    signature = signed()
    assert not verifies(signature.replace(b"hero_db v1", b"hero_db v2"), CONTENT, PUBLIC)
    assert verifies(signature.replace(b"any", b"all"), CONTENT, PUBLIC)


def test_a_key_of_the_same_id_that_did_not_sign() -> None:
    key_id = base64.b64decode(PUBLIC.splitlines()[-1])[2:10]
    other = base64.b64decode(bytes(STRANGER.public_key).splitlines()[-1])
    public = base64.b64encode(other[:2] + key_id + other[10:]).decode()
    assert not verifies(signed(), CONTENT, public)


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("text", [b"", b"x", b"\xff\xfe", b"QUJD"])
def test_what_is_no_signature(line: int, text: bytes) -> None:
    lines = signed().splitlines()
    lines[line] = text
    damaged = b"\n".join(lines)
    assert verifies(damaged, CONTENT, PUBLIC) == (line == 0), "the first line is not signed"
    assert not verifies(damaged + b"\nmore", CONTENT, PUBLIC)


@pytest.mark.parametrize("public", ["", "nonsense", "\udcff", PUBLIC[:-4], "RWQ" + "A" * 100])
def test_what_is_no_public_key(public: str) -> None:
    with pytest.raises(UsageError, match="not a minisign public key"):
        verifies(signed(), CONTENT, public)
