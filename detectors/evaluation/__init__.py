"""How good scores are, measured against labels: by rank, by event, by calibration, by published benchmarks."""
