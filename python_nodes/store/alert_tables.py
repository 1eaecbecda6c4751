"""The tables of what follows an alert, on top of the core's; each row belongs to the transaction's tenant."""

from __future__ import annotations

from python_nodes.store import tables

METADATA = tables.alerts.metadata
"""All tables: the core's and these."""
