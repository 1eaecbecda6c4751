"""Secrets as `make secrets` draws them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.unit.compose.stack import COMPOSE


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that stands for compose/: with secrets, for their owners where this may say whose they are."""
    folder = tmp_path_factory.mktemp("compose")
    told = runpy.run_path(str(COMPOSE / "draw_secrets.py"))
    words = told["draw"]()
    told["write"](folder / "secrets", words)
    if not told["own"](folder / "secrets", list(words)):
        pytest.skip(f"only root can give secrets to their owners, and this is {sys.executable} as somebody else")
    return folder
