"""Ed25519, checked with the vectors of RFC 8032 and against the library that signs."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hero_build.verify import ed25519

ORDER = 2**252 + 27742317777372353535851937790883648493
VECTORS = [  # RFC 8032, section 7.1: the public key, the message, the signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard(key: str, message: str, signature: str) -> None:
    given = bytes.fromhex(signature), bytes.fromhex(message), bytes.fromhex(key)
    assert ed25519.is_valid(*given)
    assert not ed25519.is_valid(given[0], given[1] + b"x", given[2])


def test_what_the_library_signs_is_valid_and_nothing_else() -> None:
    for size in (0, 1, 63, 64, 1000):
        private, message = Ed25519PrivateKey.generate(), os.urandom(size)
        key, signature = private.public_key().public_bytes_raw(), private.sign(message)
        assert ed25519.is_valid(signature, message, key)
        assert not ed25519.is_valid(signature, message, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
        for place in range(0, 64, 7):
            changed = bytearray(signature)
            changed[place] ^= 1
            assert not ed25519.is_valid(bytes(changed), message, key)


def test_a_second_form_of_a_signature_is_refused() -> None:
    """The scalar plus the order of the group would hold, too: one message would have many signatures."""
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not ed25519.is_valid(signature[:32] + scalar.to_bytes(32, "little"), message, key)


NEGATIVE_ZERO, NO_SQUARE = 1 | 1 << 255, 2
NO_POINTS = [b"", bytes(31), b"\xff" * 32, *(number.to_bytes(32, "little") for number in (NEGATIVE_ZERO, NO_SQUARE))]


@pytest.mark.parametrize("key", NO_POINTS)
def test_a_key_that_is_no_point_of_the_curve(key: bytes) -> None:
    signature = bytes.fromhex(VECTORS[0][2])
    assert not ed25519.is_valid(signature, b"", key)
    assert not ed25519.is_valid(signature[:63], b"", bytes.fromhex(VECTORS[0][0]))
