#!/usr/bin/env bash
# Learning rates of DAGs: bash scripts/learning_rate.sh [digits|mnist|cifar10|FILE.npz] [--key value ...]
#
# Measures the largest stable and the best rate of DAGs, of gradient descent on squares and of SGD
# with cross-entropy, against three predictions; and trains DAG#1-3 at every rate of a list.
# digits is embedded; mnist and cifar10 are looked for in $DATA_ROOT (default data/) and
# downloaded when absent. Further words go on to python -m mlp_code.learning_rate (see its --help).
# Cost: see the record of digits for 40 networks; --networks 0 takes all 290. Stop it when you like:
#   it goes on where it was.
# Writes: runs/learning_rate/NAME/, and its figures and tables in runs/report/
# Config: configs/learning_rate/dags.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
case "$what" in
    digits | mnist | cifar10) ;;
    *.npz) [ -f "$what" ] || fail "$what: no such file (paths count from $PWD)" ;;
    *) fail "found '$what', expected digits, mnist, cifar10 or a .npz file" ;;
esac
setup

py_then_report learning_rate learning_rate "$(basename "$what" .npz)" mlp_code.learning_rate \
    --config configs/learning_rate/dags.yaml --dataset "$what" "$@"
