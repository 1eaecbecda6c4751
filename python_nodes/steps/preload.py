"""What the first alert needs and nobody should wait for at the start: imported beside the first requests."""

from __future__ import annotations

import gc
import threading

from python_nodes import insights, log
from python_nodes.steps import picture


def begin(*, with_words: bool) -> threading.Thread:
    """Start to load, in a thread of its own; ``with_words`` where alerts are put in words by OpenAI.

    A request that needs any of it sooner waits for as much as it needs.
    """
    thread = threading.Thread(target=_load, args=(with_words,), name="preload", daemon=True)
    thread.start()
    return thread


def _load(with_words: bool) -> None:
    with log.stage("preload"):
        picture.prepare()
        if with_words:
            insights.prepare()
        # What is imported stays; a collection in the midst of a request need not look at it.
        gc.freeze()
