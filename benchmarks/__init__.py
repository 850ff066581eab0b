"""Measure fabula: `python -m benchmarks.run`. Not shipped in the wheel."""
