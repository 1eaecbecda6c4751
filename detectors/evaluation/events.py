"""Labels and alerts as stretches of time: which events were told, how soon, and what was told without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.series import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class EventTally:
    """Of one or more series: what was there, what was told.

    ``delays`` holds, of each event that was told, the points from its start to the first alarm in it. ``alerts`` are
    stretches of alarm; ``false_alerts`` those that touch no event. ``points`` is how many were judged.
    """

    events: int
    delays: tuple[int, ...]
    alerts: int
    false_alerts: int
    points: int

    @property
    def recall(self) -> float:
        """Share of the events that were told; 1 where there was none."""
        return len(self.delays) / self.events if self.events else 1.0

    @property
    def precision(self) -> float:
        """Share of the alerts that touch an event; 1 where there was none."""
        return 1.0 - self.false_alerts / self.alerts if self.alerts else 1.0

    @property
    def median_delay(self) -> float:
        """Points from an event's start to its alarm, infinite for events never told; NaN without events."""
        if not self.events:
            return float("nan")
        missed = [float("inf")] * (self.events - len(self.delays))
        ordered = sorted([float(one) for one in self.delays] + missed)
        # Not the mean of the two in the middle: half of infinity is no delay.
        return ordered[(len(ordered) - 1) // 2]

    def false_per_thousand_days(self, points_a_day: float) -> float:
        """Return the false alerts in 1,000 days of one series."""
        return 1000.0 * self.false_alerts * points_a_day / self.points if self.points else 0.0

    def __add__(self, other: EventTally) -> EventTally:
        """Put two tallies together."""
        return EventTally(
            self.events + other.events, self.delays + other.delays, self.alerts + other.alerts,
            self.false_alerts + other.false_alerts, self.points + other.points,
        )  # fmt: skip


NOTHING = EventTally(0, (), 0, 0, 0)


def spans(flags: BoolArray) -> IntArray:
    """Return first and last index of each stretch of True, shape (n_spans, 2)."""
    edges = np.diff(np.concatenate([[0], np.asarray(flags, dtype=np.int8), [0]]))
    return np.column_stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1]).astype(np.int64)


def onsets(alarms: BoolArray, gap: int) -> BoolArray:
    """Return where an alert is raised: where an alarm holds and none did on the ``gap`` points before."""
    held = np.flatnonzero(alarms)
    raised = np.zeros(len(alarms), dtype=np.bool_)
    raised[held[np.diff(held, prepend=-gap - 2) > gap]] = True
    return raised


def tally(labels: BoolArray, alarms: BoolArray) -> EventTally:
    """Match alarms with labelled events.

    Parameters
    ----------
    labels, alarms : ndarray of bool, shape (n_times,)

    Returns
    -------
    EventTally
        An event is told if an alarm holds on one of its points, also one raised before it.
    """
    delays: list[int] = []
    happened = spans(labels)
    for first, last in happened:
        hits = np.flatnonzero(alarms[first : last + 1])
        delays.extend(int(hit) for hit in hits[:1])
    raised = spans(alarms)
    false_alerts = sum(1 for first, last in raised if not labels[first : last + 1].any())
    return EventTally(len(happened), tuple(delays), len(raised), false_alerts, len(labels))
