"""gunicorn: few processes with threads, since a step waits on stores and vendors more than it computes."""

import gc
import os

bind = os.environ.get("GUNICORN_BIND", "127.0.0.1:8080")
worker_class = "gthread"
workers = int(os.environ.get("GUNICORN_WORKERS", "1"))
threads = int(os.environ.get("GUNICORN_THREADS", "4"))
# Each process opens its own connections: a pool must not be shared across a fork.
preload_app = False
# For gthread a time-out is of the worker's heartbeat; a single poll may wait for a vendor's limit.
timeout = 300
graceful_timeout = 30
keepalive = 5
limit_request_line = 4094
limit_request_fields = 50
limit_request_field_size = 8190
# The worker writes one JSON event a stage itself.
accesslog = None
errorlog = "-"
loglevel = "warning"


def post_worker_init(worker: object) -> None:
    """What is imported stays; a collection in the midst of a request need not look at it. The rest comes meanwhile."""
    # Not on top: the arbiter reads this file too, and needs none of it.
    from python_nodes import config
    from python_nodes.steps import preload

    gc.freeze()
    preload.begin(with_words=config.settings().openai_api_key is not None)
