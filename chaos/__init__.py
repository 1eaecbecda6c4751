"""Faults on the real servers, and the count of what is lost or doubled by them."""
