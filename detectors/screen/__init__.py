"""Every series whose newest point is judged, at once: one pass for the baseline, one call for the p-values."""
