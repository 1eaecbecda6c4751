"""What a daily series will be: a model a file, chosen by how each did on the series' own past."""
