"""The folder of counts: what an earlier start left goes, what is counted now stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from python_nodes.telemetry import folder

SCRIPT = """
import os, sys
from python_nodes.telemetry import exposition, folder, meters
folder.empty()
meters.jobs.labels("a", "success").inc(2)
meters.connections.labels("in_use").inc(3)
child = os.fork()
if child == 0:
    meters.jobs.labels("a", "success").inc(5)
    meters.connections.labels("in_use").inc(4)
    os._exit(0)
os.waitpid(child, 0)
sys.stdout.write(exposition.text().decode())
sys.stdout.write("-----\\n")
folder.ended(child)
sys.stdout.write(exposition.text().decode())
"""


def test_what_processes_count_is_one_and_a_dead_ones_gauges_go(tmp_path: Path) -> None:
    """Counters of an ended process stay, its part of a gauge does not; an older start's counts are gone."""
    place = tmp_path / "counts"
    place.mkdir()
    (place / "counter_999999.db").write_bytes(b"left from before")
    env = {**os.environ, folder.VARIABLE: str(place)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    before, after = done.stdout.split("-----\n")
    assert 'nightporter_jobs_total{state="success",task="a"} 7.0' in before
    assert 'nightporter_database_connections{state="in_use"} 7.0' in before
    assert 'nightporter_jobs_total{state="success",task="a"} 7.0' in after
    assert 'nightporter_database_connections{state="in_use"} 3.0' in after
    assert not (place / "counter_999999.db").exists()
