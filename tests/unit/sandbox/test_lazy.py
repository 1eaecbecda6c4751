"""A value is worked out once, when it is asked for, and no object waits for another's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sandbox.lazy import Lazy


class Page:
    def __init__(self) -> None:
        self.made = 0
        self.others_done: threading.Event | None = None

    @Lazy
    def rows(self) -> list[int]:
        """The rows."""
        self.made += 1
        assert self.others_done is None or self.others_done.wait(10), "another page's rows were held up"
        return [self.made]


def test_a_value_is_worked_out_when_it_is_first_asked_for() -> None:
    page = Page()
    assert page.made == 0
    assert page.rows is page.rows
    assert (page.rows, page.made) == ([1], 1)
    assert Page().rows is not page.rows


def test_an_object_does_not_wait_for_another_one_s_value() -> None:
    slow, quick = Page(), Page()
    slow.others_done = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(lambda: slow.rows)
        assert quick.rows == [1]
        slow.others_done.set()
        assert waiting.result() == [1]
