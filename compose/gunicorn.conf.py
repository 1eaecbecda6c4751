"""gunicorn: few processes with threads, since a step waits on stores and vendors more than it computes."""

import gc
import os
import shutil
import sys
import tempfile

bind = [os.environ.get("GUNICORN_BIND", "127.0.0.1:8080")]
if os.environ.get("NIGHTPORTER_METRICS_BIND"):
    bind.append(os.environ["NIGHTPORTER_METRICS_BIND"])
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # Before any process imports the client library: without it each would tell its own counts only.
    _made_here = tempfile.mkdtemp(prefix="nightporter-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _made_here
else:
    _made_here = ""
worker_class = "gthread"
workers = int(os.environ.get("GUNICORN_WORKERS", "1"))
threads = int(os.environ.get("GUNICORN_THREADS", "4"))
# Each process opens its own connections: a pool must not be shared across a fork.
preload_app = False
# For gthread a time-out is of the worker's heartbeat; a single poll may wait for a vendor's limit.
timeout = 300
SWITCH_S = 0.0005
graceful_timeout = 30
keepalive = 5
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
# The worker writes one JSON event a stage itself.
accesslog = None
errorlog = "-"
loglevel = "warning"


def on_starting(server: object) -> None:
    """What processes of an earlier start counted is no longer told."""
    from python_nodes.telemetry import folder

    folder.empty()


def on_exit(server: object) -> None:
    """A folder that was made here goes with us."""
    if _made_here:
        shutil.rmtree(_made_here, ignore_errors=True)


def child_exit(server: object, worker: object) -> None:
    """The gauges of a process that ended are no longer told; what it counted stays."""
    from python_nodes.telemetry import folder

    folder.ended(worker.pid)


def post_worker_init(worker: object) -> None:
    """What is imported stays; a collection in the midst of a request need not look at it. The rest comes meanwhile."""
    # Not on top: the arbiter reads this file too, and needs none of it.
    from python_nodes import config
    from python_nodes.steps import preload

    gc.freeze()
    # Who computes lets those through who only wait for stores: beside one that computes, 15 round trips of 0.3 ms take
    # 89 ms by Python's own 5 ms, and 21 ms by this.
    sys.setswitchinterval(SWITCH_S)
    preload.begin(with_words=config.settings().openai_api_key is not None)
