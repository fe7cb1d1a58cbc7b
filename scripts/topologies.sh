#!/usr/bin/env bash
# Every topology of three layers: bash scripts/topologies.sh [digits|FILE.npz] [--key value ...]
#
# Trains all 662 codes that have a path (290 different networks, three seeds each) batched,
# and says which of depth, width and the kernels' eigenvalues predict speed and accuracy.
# Further words go on to python -m mlp_code.topologies (see its --help).
# Cost: about 15 minutes on 2 cores.
# Writes: runs/topologies/NAME/ with topologies.csv, .png, .pdf and .md
# Config: configs/topologies/digits.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
case "$what" in
    digits) ;;
    *.npz) [ -f "$what" ] || fail "$what: no such file (paths count from $PWD)" ;;
    *) fail "found '$what', expected digits or a .npz file" ;;
esac
setup

py_then_report topologies topologies "$(basename "$what" .npz)" mlp_code.topologies \
    --config configs/topologies/digits.yaml --dataset "$what" "$@"
