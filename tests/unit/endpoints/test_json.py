"""What answers are written as: JSON that every reader takes, whatever the steps give."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
from orjson import Fragment

from python_nodes import config
from python_nodes.app import create_app
from python_nodes.http.reply import ok

TOLD = {
    "gap": float("nan"), "endless": float("inf"), "count": np.int64(3), "share": np.float64(0.5),
    "by_day": {7: "Größe"}, "evidence": Fragment('{"days":[1,null]}'), "lines": ("a", "b"), "last": {"z": 1, "a": 2},
}  # fmt: skip


def test_what_is_no_number_is_null_and_the_order_stays() -> None:
    with create_app(config.documentation()).test_request_context():
        answer = ok(TOLD, 202)
    assert (answer.status_code, answer.content_type) == (202, "application/json")
    assert json.loads(answer.get_data()) == {
        "gap": None, "endless": None, "count": 3, "share": 0.5, "by_day": {"7": "Größe"},
        "evidence": {"days": [1, None]}, "lines": ["a", "b"], "last": {"z": 1, "a": 2},
    }  # fmt: skip
    assert answer.get_data(as_text=True).endswith('"last":{"z":1,"a":2}}\n')


def test_a_time_is_worded_by_flask_as_before() -> None:
    app = create_app(config.documentation())
    said = '"Mon, 02 Mar 2026 12:00:00 GMT"'
    assert app.json.dumps(datetime(2026, 3, 2, 12, tzinfo=UTC)) == said
    assert app.json.dumps([date(2026, 3, 2)]) == '["Mon, 02 Mar 2026 00:00:00 GMT"]'
