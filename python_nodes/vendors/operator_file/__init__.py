"""The operator's own calendar as a CSV file: it stands for the PMS until one is connected.

Documentation: docs/architecture.md (columns ``unit_external_id,stay_date,is_open,units``). Authentication: none.
Limits: none. Quirks: the file is rewritten as a whole; a night it does not name is unknown, not closed.
"""
