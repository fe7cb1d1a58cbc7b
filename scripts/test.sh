#!/usr/bin/env bash
# Checks everything: bash scripts/test.sh [pytest arguments]
#
# Same set-up as the quickstart, then ruff (lint and format), import-linter, pytest.
# Cost: a few minutes for the install, then about 4 minutes on 2 cores.
# Writes: nothing but caches inside the repository

cd "$(dirname "$0")/.." && source scripts/common.sh

py -m ruff check .
py -m ruff format --check .
.venv/bin/lint-imports --no-cache

# One thread for each process. A file's tests share what its fixtures make, such as a browser, so
# they stay in one process.
OMP_NUM_THREADS=1 py -m pytest -n "$(processes)" --dist loadscope "$@"
