"""What zipfile raises of its own accord: archives come from strangers, and it names few of their faults."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, IndexError, EOFError, OSError, ValueError,
    OverflowError, RuntimeError,
)  # fmt: skip
"""Of archives that are damaged, encrypted, or compressed in a way that it does not know."""
