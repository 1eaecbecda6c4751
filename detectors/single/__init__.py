"""One series at a time, at any grain: the grid, its seasons, what is strange in it while it runs and looking back."""
