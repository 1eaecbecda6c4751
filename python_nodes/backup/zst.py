"""Zstandard: Python's own from 3.14 on, its backport before."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdFile = zstd.ZstdFile
ZstdError = zstd.ZstdError
LEVEL = 3
"""What it decides for itself: a tenth of the time of the smallest, and little larger."""
