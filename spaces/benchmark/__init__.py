"""Accuracy tables of NAS-Bench-201 and of benchmarks like it."""

from spaces.benchmark.table import EMBEDDED, NUM_ARCHITECTURES, AccuracyTable

__all__ = ["EMBEDDED", "NUM_ARCHITECTURES", "AccuracyTable"]
