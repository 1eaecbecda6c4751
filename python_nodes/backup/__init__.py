"""Backups: what is written of each store, how it is checked, and how it is put back."""
