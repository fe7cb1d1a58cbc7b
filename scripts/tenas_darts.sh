#!/usr/bin/env bash
# TE-NAS on the DARTS space: bash scripts/tenas_darts.sh cifar10|imagenet-1k [--key value ...]
#
# Prunes the supernet with the exempt rule, draws the operators left by round, and prints the
# command that trains the genotype. cifar10 is looked for in $DATA_ROOT (default data/) and
# downloaded when absent; imagenet-1k must lie there (bash scripts/prepare_data.sh). Other images:
# --indicators.dataset PATH.npz. Without the rule: --filter none --run.name NAME. Further words go
# on to python -m tenas_dag (see its --help). Stopped, the same command goes on where it was.
# Cost on 2 cores: cifar10 about 25 minutes.
# Writes: runs/tenas/NAME/ with genotype_seed0.json, history_seed0.png and .pdf
# Config: configs/tenas/darts_cifar10.yaml, darts_imagenet.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

case "${1:-cifar10}" in
    cifar10) config=configs/tenas/darts_cifar10.yaml ;;
    imagenet-1k) config=configs/tenas/darts_imagenet.yaml ;;
    *) fail "found '$1', expected cifar10 or imagenet-1k" ;;
esac
shift || true
setup

py_then_report tenas_darts tenas "$(basename "$config" .yaml)" tenas_dag --config "$config" "$@"
