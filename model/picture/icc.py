"""ICC profiles: only the tags that browsers use, held against a size, and profiles made of primaries and a curve.

lcms would evaluate chains of processing elements (the D2B tags) of any length, which no browser does.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Profiles of printers with fine tables take 2 to 3 MB.
MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024
_MAX_TAGS = 100
_USED = frozenset(
    name.encode() for name in ("A2B0", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "wtpt", "chad")
)
#: Monitors, scanners, printers and colour spaces; neither device links nor abstract profiles.
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def cleaned(profile: bytes) -> bytes | None:
    """The profile with a table of the tags that browsers use; None where it is no profile of a picture."""
    if not 132 <= len(profile) <= MAX_PROFILE_BYTES or profile[12:16] not in _CLASSES or profile[36:40] != b"acsp":
        return None
    (n_tags,) = struct.unpack_from(">I", profile, 128)
    if n_tags > _MAX_TAGS or 132 + 12 * n_tags > len(profile):
        return None
    entries = [profile[at : at + 12] for at in range(132, 132 + 12 * n_tags, 12)]
    kept = [entry for entry in entries if entry[:4] in _USED]
    table = struct.pack(">I", len(kept)) + b"".join(kept)
    body = table.ljust(4 + 12 * n_tags, b"\0") + profile[132 + 12 * n_tags :]
    return struct.pack(">I", len(profile)) + profile[4:128] + body


def colour_space(profile: bytes) -> bytes:
    """The four letters of the profile's colour space, such as ``b"RGB "``."""
    return profile[16:20]


def matrix_profile(primaries: Sequence[float], curve: NDArray[np.float64]) -> bytes | None:
    """A profile of a curve to linear light and of primaries: x, y of white, red, green, blue. None: they span nothing.

    ``curve`` [N] is light between 0 and 1 for N samples that are equally far apart.
    """
    columns = _columns(primaries)
    if columns is None:
        return None
    xyz = {name: b"XYZ \0\0\0\0" + _fixed(column) for name, column in zip("rgb", columns.T, strict=True)}
    steps = np.round(np.clip(curve, 0, 1) * 65535).astype(">u2").tobytes()
    trc = b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + steps
    trc += b"\0" * (-len(trc) % 4)
    tags = [(b"wtpt", b"XYZ \0\0\0\0" + _fixed(_D50))]
    tags += [(f"{name}XYZ".encode(), body) for name, body in xyz.items()]
    table, bodies = b"", b""
    start = 132 + 12 * (len(tags) + 3)
    for name, body in tags:
        table += name + struct.pack(">II", start + len(bodies), len(body))
        bodies += body
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        table += name + struct.pack(">II", start + len(bodies), len(trc))
    body = struct.pack(">I", len(tags) + 3) + table + bodies + trc
    header = struct.pack(">I4sI4s4s4s12s4s", 128 + len(body), b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"", b"acsp")
    return header.ljust(68, b"\0") + _fixed(_D50) + b"\0" * 48 + body


def _columns(primaries: Sequence[float]) -> NDArray[np.float64] | None:
    """The XYZ of red, green and blue as columns [3, 3], adapted to the white of profiles."""
    points = np.array(primaries, dtype=np.float64).reshape(4, 2)
    if (points[:, 1] <= 1e-4).any() or (points > 2).any():
        return None
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)], axis=1) / points[:, 1:]
    white, columns = xyz[0], xyz[1:].T
    if abs(np.linalg.det(columns)) < 1e-4:
        return None
    scaled = columns * np.linalg.solve(columns, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ scaled
    return adapted if np.isfinite(adapted).all() and np.abs(adapted).max() < 100 else None


def _fixed(values: NDArray[np.float64]) -> bytes:
    return struct.pack(">3i", *(round(float(value) * 65536) for value in values))
