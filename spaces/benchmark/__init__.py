"""Accuracy tables of NAS-Bench-201 and of benchmarks like it."""

from spaces.benchmark.compare import compare_tables
from spaces.benchmark.table import NUM_ARCHITECTURES, AccuracyTable

__all__ = ["NUM_ARCHITECTURES", "AccuracyTable", "compare_tables"]
