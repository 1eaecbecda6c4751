"""Finds and masks what is personal in free text, before any of it leaves the house; open to all, as ``log`` is."""

from python_nodes.privacy.mask import Found, find, mask

__all__ = ["Found", "find", "mask"]
