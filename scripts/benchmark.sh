#!/usr/bin/env bash
# Speed: bash scripts/benchmark.sh [digits|cifar10|PATH.npz] [--key value ...]
#
# Every speed comparison in one go, each against a plain version in one process: WOT's score,
# TE-NAS' kernel and region count, the kernels of DAGs, MLP training; then how costs grow
# with size. The first word names the images of WOT's score. MNIST, for the MLPs, is
# looked for in $DATA_ROOT (default data/) and downloaded when absent; without it that row is left
# out and named. Further words go on to python -m benchmarks (see its --help).
# Cost: about 12 minutes on 2 cores. Let the machine rest meanwhile.
# Writes: runs/benchmarks/*.json and table.md

export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-20000}"  # for a machine at rest
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

images="${1:-digits}"
shift || true
setup

py -m benchmarks --images "$images" "$@"
