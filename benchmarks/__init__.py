"""What propspider costs beside the plain way of doing the same. A report, not a gate: `python -m benchmarks`."""
