#!/usr/bin/env bash
# Speed: bash scripts/benchmark.sh [digits|cifar10|PATH.npz] [--key value ...]
#
# Every speed comparison in one go, each against a plain version in one process: WOT's score,
# TE-NAS' kernel and region count, the kernels of DAGs, MLP training; then how costs grow with size.
# The first word names the images of WOT's score. Without MNIST that row of the MLPs is left out.
# Cost: about 12 minutes on 2 cores. Let the machine rest meanwhile.
# Writes: runs/benchmarks/*.json and table.md

export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-20000}"  # for a machine at rest
cd "$(dirname "$0")/.." && source scripts/common.sh

images="${1:-digits}"
shift || true
py -m benchmarks --images "$images" "$@"
