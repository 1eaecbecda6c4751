"""Which queue a worker asks first."""

from __future__ import annotations

import pytest
from kombu.utils.scheduling import cycle_by_name

from python_nodes import jobs


@pytest.mark.parametrize(
    "names", [["eu.bulk", "eu.sweep", "eu.critical", "ab12.reply.celery.pidbox"],
              ["eu.critical", "ab12.reply.celery.pidbox", "eu.bulk", "eu.sweep"]],
)  # fmt: skip
def test_critical_comes_first_in_whatever_order_the_transport_names_its_queues(names: list[str]) -> None:
    order = cycle_by_name("python_nodes.jobs:CriticalFirst")()
    order.update(names)
    served = ["eu.critical", "eu.sweep", "eu.bulk"]
    assert order.consume(4) == ["ab12.reply.celery.pidbox", *served]
    order.rotate("eu.critical")
    assert order.consume(2) == ["ab12.reply.celery.pidbox", "eu.critical"]


def test_each_class_has_a_queue_of_its_region() -> None:
    assert [jobs.queue("eu", kind) for kind in jobs.CLASSES] == ["eu.critical", "eu.sweep", "eu.bulk"]
    assert set(jobs.CLASS_OF.values()) <= set(jobs.CLASSES)
