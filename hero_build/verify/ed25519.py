"""Verify Ed25519 signatures (RFC 8032, section 5.1.7), with nothing but the standard library.

Verification alone, of public data: nothing here depends on a secret, so that its time may be seen. Signing is
py-minisign's (publish/signing.py), which machines that only install need not have.
"""

import hashlib

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates: x = X/Z, y = Y/Z, x * y = T/Z."""
_NEUTRAL: _Point = (0, 1, 1, 0)
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def is_valid(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Whether `signature` (64 bytes) is one of `message` by the owner of `public_key` (32 bytes)."""
    if len(signature) != 64 or (key := _decoded(public_key)) is None:
        return False
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= _ORDER:
        return False
    digest = hashlib.sha512(commitment + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _ORDER
    return _encoded(_sum_of_multiples((scalar, _BASE), (challenge, _negative(key)))) == commitment


def _sum_of_multiples(one_times: tuple[int, _Point], other_times: tuple[int, _Point]) -> _Point:
    """The sum of a multiple of one point and a multiple of another, bit by bit for both at once."""
    (first, one), (second, other) = one_times, other_times
    addends = {"10": one, "01": other, "11": _add(one, other)}
    total = _NEUTRAL
    for bits in zip(f"{first:0256b}", f"{second:0256b}", strict=True):
        total = _add(total, total)
        if (addend := addends.get("".join(bits))) is not None:
            total = _add(total, addend)
    return total


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _negative(point: _Point) -> _Point:
    return (-point[0] % _P, point[1], point[2], -point[3] % _P)


def _encoded(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decoded(data: bytes) -> _Point | None:
    """The point; None for bytes that are not the encoding of one."""
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    x = _x_of(y, sign) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    return x if x & 1 == sign else _P - x
