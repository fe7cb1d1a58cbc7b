"""Tests of every room, and of the scripts that people run."""
