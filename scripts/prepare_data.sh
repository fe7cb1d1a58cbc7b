#!/usr/bin/env bash
# Fetches data: bash scripts/prepare_data.sh [NAME ...]
#
# Without names it lists them, and says what is there. What a script can fetch it downloads; for the
# rest it prints the page, the files, the size and the place they belong to. digits needs nothing: it
# ships with scikit-learn.
# Cost: up to 200 MB and a few minutes for each set.
# Writes: $DATA_ROOT, by default data/

cd "$(dirname "$0")/.." && source scripts/common.sh

py -m common.prepare "$@"
