#!/usr/bin/env bash
# TE-NAS on the DARTS space: bash scripts/tenas_darts.sh [cifar10|imagenet-1k] [--key value ...]
#
# Prunes the supernet with the exempt rule, draws the operators left by round, and prints the
# command that trains the genotype. Other images: --indicators.dataset PATH.npz. Without the rule:
# --filter none --run.name NAME.
# Cost on 2 cores: cifar10 about 25 minutes.
# Writes: runs/tenas/NAME/ with genotype_seed0.json; its figure and tables in runs/report/
# Config: configs/tenas/darts_cifar10.yaml, darts_imagenet.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-cifar10}"
shift || true
config="$(darts_config tenas "$what")"
py_then_report tenas_darts tenas "$(basename "$config" .yaml)" tenas_dag --config "$config" "$@"
