"""What may still be on its way: a send that nobody holds any more, but whose request has left or is about to.

The lock on a message goes with its database connection, and its holder, who does not notice, goes on sending. So each
attempt says before a request that cannot be taken back until when that may arrive; another begins only after that
moment, and from then on the first may not send. All moments are the database server's.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, func, select, update

from python_nodes.errors import RetryableError

MOST_S = 300.0
"""No request is waited for longer; what seems to be was written down before the server's clock was set back."""


def refuse(conn: Connection, table: Table, row_id: int, name: str) -> None:
    """Raise RetryableError while an earlier attempt may still arrive; else keep it from leaving until ``conn`` ends."""
    left = func.extract("epoch", table.c.arrives_by_at - func.clock_timestamp())
    left_s = conn.execute(select(left).where(table.c.id == row_id).with_for_update()).scalar_one_or_none()
    if left_s is not None and 0 < left_s <= MOST_S:
        raise RetryableError(f"{name} {row_id}: an attempt may still arrive", retry_after_s=float(left_s))


def leaves(conn: Connection, table: Table, is_mine: ColumnElement[bool], within_s: float, name: str) -> None:
    """Note that a request is made now and arrives within that time or never; RetryableError if it is not mine now."""
    by_at = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, min(within_s, MOST_S))
    if conn.execute(update(table).where(is_mine).values(arrives_by_at=by_at)).rowcount != 1:
        raise RetryableError(f"{name} has been taken up by another")
