"""Colour profiles (ICC) for tests, written by hand: Pillow makes none but sRGB."""

import struct

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
"""Red, green and blue of Display P3, in XYZ under D50."""
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
WHITE = (0.9642, 1.0, 0.8249)


def rgb_profile(primaries: tuple[tuple[float, float, float], ...]) -> bytes:
    """A display whose red, green and blue are these, with a gamma of 2.2."""
    curve = _curve(2.2)
    tags = {b"wtpt": _xyz(WHITE), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    tags |= {name: _xyz(primary) for name, primary in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """A grey display."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(WHITE), b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """A press whose full cyan is L*a*b* (50, -40, -40), and whose other inks only darken."""
    identity = bytes(range(256))
    corners = bytearray()
    for number in range(16):
        cyan, others = number >> 3, bin(number & 7).count("1")
        lightness = (0.5 if cyan else 1.0) * 0.4**others
        tint = -40 if cyan and not others else 0
        corners += bytes((round(255 * lightness), 128 + tint, 128 + tint))
    matrix = b"".join(_fixed(float(row == column)) for row in range(3) for column in range(3))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + identity * 4 + bytes(corners) + identity * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(WHITE), b"A2B0": table})


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    place = 128 + 4 + 12 * len(tags)
    index, content = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        index += struct.pack(">4sII", name, place + len(content), len(tag))
        content += tag
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s", place + len(content), b"\0\0\0\0", 0x02100000, kind, space, connection)
    header += date + b"acsp" + bytes(28) + b"".join(_fixed(part) for part in WHITE) + bytes(48)
    assert len(header) == 128
    return header + index + content


def _xyz(colour: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(part) for part in colour)


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))


def _fixed(number: float) -> bytes:
    return struct.pack(">i", round(65536 * number))
