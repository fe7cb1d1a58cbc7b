#!/usr/bin/env bash
# Speed: bash scripts/benchmark.sh [IMAGES] [--key value ...]
#
# Every speed comparison in one go, each against a plain version in one process: WOT's score,
# TE-NAS' kernel and region count, the kernels of DAGs, MLP training; then how costs grow with size.
# IMAGES: those of WOT's score. Without MNIST that row of the MLPs is left out.
# Cost: about 12 minutes on 2 cores. Let the machine rest meanwhile.
# Writes: runs/benchmarks/NAME/result.json and runs/benchmarks/table.md

export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-20000}"  # for a machine at rest
cd "$(dirname "$0")/.." && source scripts/common.sh

images="${1:-digits}"
shift || true
check_images "$images"
py -m benchmarks --images "$images" "$@"
