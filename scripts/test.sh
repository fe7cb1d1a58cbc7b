#!/usr/bin/env bash
# Checks everything: bash scripts/test.sh [pytest arguments]
#
# Same set-up as the quickstart, then ruff (lint and format), import-linter, pytest.
# Cost: a few minutes for the install, then about 10 minutes on 2 cores.
# Writes: nothing but caches inside the repository

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

py -m ruff check .
py -m ruff format --check .
.venv/bin/lint-imports --no-cache

# One thread for each of as many test processes as there are cores, at most 8. A file's tests share
# what its fixtures make, such as a browser, so they stay in one process.
workers="$(cores)"
OMP_NUM_THREADS=1 py -m pytest -n "$((workers < 8 ? workers : 8))" --dist loadscope "$@"
