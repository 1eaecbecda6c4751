"""``python -m bench._slack N``: Slack's counterpart with N messages in one channel, told apart by what became of each.

Prints its port and the first part of the messages' time stamps; the N-th's second part is N. It gives way to what is
measured: Slack computes elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from datetime import UTC, datetime

from flask import Flask, Response, jsonify
from werkzeug.serving import make_server

from sandbox import receivers_slack
from sandbox.inbox import Inbox

CHANNEL, TOKEN = "C0BENCH0001", receivers_slack.TOKEN
POSTED_AT = datetime(2026, 3, 2, 11, tzinfo=UTC)


def app(messages: int) -> Flask:
    """Build the counterpart."""
    inbox = Inbox()
    first = [inbox.post(CHANNEL, f"alert {at}", (), POSTED_AT).ts for at in range(1, messages + 1)]
    made = Flask("slack")
    made.register_blueprint(receivers_slack.blueprint(inbox, lambda: POSTED_AT))

    @made.get("/counts")
    def counts() -> Response:
        """How many messages were changed how often, how many have how many words in their threads, and the others."""
        now = {one.ts: one for one in inbox.slack()}
        threads = Counter(one.thread_ts for one in now.values() if one.thread_ts)
        return jsonify({
            "changes": Counter(str(now[ts].versions - 1) for ts in first),
            "words": Counter(str(threads[ts]) for ts in first),
            "others": sum(1 for one in now.values() if not one.thread_ts) - len(first),
        })  # fmt: skip

    return made


def main() -> None:
    """Serve until stopped."""
    os.nice(19)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app(int(sys.argv[1])), threaded=True)
    print(json.dumps({"port": server.server_port, "second": int(POSTED_AT.timestamp())}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
