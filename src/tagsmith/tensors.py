"""Named arrays in a safetensors file: written atomically, memory-mapped when read, never executed."""

from __future__ import annotations

import hashlib
import itertools
import json
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tagsmith.errors import ConfigError, DataError
from tagsmith.files import check_readable, replacing

Arrays = Mapping[str, NDArray[Any]]
_SHOWN = 5  # tensors that differ
Ids = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
_NO_DIGEST = '"sha256":""'
_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "U8": np.uint8,
}


def write_tensors(path: str | os.PathLike[str], tensors: Arrays, document: str, key: str) -> None:
    """Write arrays, and one text under ``key`` in the file's metadata. The same arrays give the same bytes.

    Raises:
        DataError: the file can't be written, or the disk is full.
    """
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    with replacing(path) as temporary:
        try:
            # One metadata key only: safetensors keeps the keys in no particular order.
            save_file(whole, temporary, {key: document})
        except SafetensorError as error:  # its own error, no OSError
            size = sum(array.nbytes for array in whole.values())
            room = f"room for {size / 1e6:,.1f} MB"
            raise DataError(f"an error while writing ({error})", room, source=str(path)) from None


def write_sealed(path: str | os.PathLike[str], tensors: Arrays, document: Mapping[str, Any], key: str) -> None:
    """Write arrays and a JSON document with sorted keys and an added field ``sha256``, the digest of everything else.

    Raises:
        DataError: as for ``write_tensors``.
    """
    text = msgspec.json.encode({**document, "sha256": ""}, order="deterministic").decode()
    write_tensors(path, tensors, text.replace(_NO_DIGEST, f'"sha256":"{digest(text, tensors)}"', 1), key)


def is_sealed(text: str, sha256: object, tensors: Arrays) -> bool:
    """Return whether a document's ``sha256`` is the digest of its text and these arrays."""
    return sha256 == digest(text.replace(f'"sha256":"{sha256}"', _NO_DIGEST, 1), tensors)


def digest(text: str, tensors: Arrays) -> str:
    """SHA-256 over a document's text with an empty digest, then each tensor's name, type, shape and bytes."""
    result = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        result.update(msgspec.json.encode([name, array.dtype.str, list(array.shape)]))
        result.update(array.reshape(-1).view(np.uint8).data)
    return result.hexdigest()


def map_tensors(path: str | os.PathLike[str], key: str) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the arrays of a file, read-only and mapped into memory, and the text under ``key`` ('' if there is none).

    Raises:
        DataError: the file is missing, cut short, or not safetensors.
    """
    source = str(path)
    check_readable(path, "a safetensors file")
    try:
        with safe_open(path, "numpy") as file:  # checks that header and file agree, to the byte
            document = (file.metadata() or {}).get(key, "")
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"a damaged or foreign file ({error})", "a safetensors file", source=source) from None
    with Path(path).open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(header_length))
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        if entry["dtype"] not in _DTYPES:
            raise DataError(f"tensor {name!r} of type {entry['dtype']}", " ".join(_DTYPES), source=source)
        dtype, shape, (start, end) = _DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        if start == end:  # an empty range can't be mapped
            arrays[name] = np.empty(shape, dtype)
            continue
        offset = 8 + header_length + start
        # A plain array over the map: np.memmap's own class slows every small operation down.
        arrays[name] = np.asarray(np.memmap(path, dtype, mode="r", offset=offset, shape=shape))
    return arrays, document


def release(*arrays: NDArray[Any]) -> None:
    """Free the memory of mapped arrays. What is used next is read from the file again."""
    for base in arrays:
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        if isinstance(base, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            base._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def pack_strings(strings: Sequence[str]) -> tuple[NDArray[np.uint8], Ids]:
    """Return the concatenated UTF-8 bytes of the strings, and their offsets [n + 1]."""
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(list(map(len, encoded)), out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def unpack_strings(data: NDArray[np.uint8], offsets: Ids) -> list[str]:
    """Return the strings that ``pack_strings`` packed.

    Raises:
        ValueError: what ``check_strings`` raises.
    """
    check_strings(data, offsets)
    raw, ends = data.tobytes(), offsets.tolist()
    return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(ends)]


def check_strings(data: NDArray[np.uint8], offsets: Ids) -> None:
    """Check that these are packed strings.

    Raises:
        ValueError: offsets that don't rise from 0 to the end of the bytes, or bytes that are not UTF-8.
    """
    if data.dtype != np.uint8 or offsets.dtype != np.int64 or data.ndim != 1 or offsets.ndim != 1:
        raise ValueError("bytes must be [·] of uint8 and offsets [·] of int64")
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
        raise ValueError("offsets do not fit the bytes")
    data.tobytes().decode("utf-8", "surrogatepass")
    starts = offsets[:-1][np.diff(offsets) > 0]
    if (data[starts] & 0xC0 == 0x80).any():  # bytes that continue a character
        raise ValueError("offsets stand inside characters")


def ranges(starts: Ids, lengths: Ids) -> Ids:
    """Return the concatenation of range(start, start + length). Shape: [sum of lengths]."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


class HasShape(Protocol):
    """An array or a tensor, of which only the shape matters."""

    @property
    def shape(self) -> Sequence[int]:
        """Its size along each axis."""
        ...


def check_same_shapes(what: str, found: Mapping[str, HasShape], expected: Mapping[str, HasShape]) -> None:
    """Check that stored tensors have the names and shapes of the training's.

    Raises:
        ConfigError: they don't; the error names the first few that differ.
    """
    shapes = {
        name: (_shape_of(found, name), _shape_of(expected, name)) for name in sorted(found.keys() | expected.keys())
    }
    wrong = [f"{name} is {then}, here {now}" for name, (then, now) in shapes.items() if then != now]
    if wrong:
        more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise ConfigError(
            f"the {what} in the checkpoint are not those of this training: {'; '.join(wrong[:_SHOWN])}{more}"
        )


def _shape_of(tensors: Mapping[str, HasShape], name: str) -> str:
    return str(list(tensors[name].shape)) if name in tensors else "missing"
