"""Files that people download: read as text, found by the names of their columns, checked row by row."""
