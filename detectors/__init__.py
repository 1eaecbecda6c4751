"""Pure maths on arrays: batches of series in, expectations and scores out; no I/O, no domain words."""
