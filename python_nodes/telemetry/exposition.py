"""What Prometheus reads: every process's counts from the shared folders, with gauges that are asked for on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from python_nodes.domain.gauges import GAUGES, Reading
from python_nodes.telemetry import folder

CONTENT_TYPE = CONTENT_TYPE_LATEST
# The library does not type it.
_merge: Callable[[list[str]], Iterable[Metric]] = MultiProcessCollector.merge


class _AllProcesses(Collector):
    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for place in self._folders for file in sorted(place.glob("*.db"))]
        return _merge(files)


class _Process(Collector):
    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()


class _Readings(Collector):
    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for one in self._readings:
            if one.name not in families:
                families[one.name] = GaugeMetricFamily(one.name, GAUGES[one.name], labels=list(one.labels))
            families[one.name].add_metric([str(value) for value in one.labels.values()], one.value)
        return families.values()


def registry(readings: Sequence[Reading] = (), other_folders: Sequence[Path] = ()) -> CollectorRegistry:
    """Gather this service's counts, those of other services' folders, and the readings."""
    gathered = CollectorRegistry()
    own = folder.own()
    gathered.register(_Process() if own is None else _AllProcesses([own, *other_folders]))
    gathered.register(_Readings(readings))
    return gathered


def readings_text(readings: Sequence[Reading]) -> bytes:
    """Write the readings alone, without what any process counted."""
    gathered = CollectorRegistry()
    gathered.register(_Readings(readings))
    return generate_latest(gathered)


def text(readings: Sequence[Reading] = (), other_folders: Sequence[Path] = ()) -> bytes:
    """Write all of it in Prometheus' text format."""
    return generate_latest(registry(readings, other_folders))
