#!/usr/bin/env bash
# Learning rates of DAGs: bash scripts/learning_rate.sh [digits|mnist|cifar10|FILE.npz] [--key value]
#
# Measures the largest stable and the best rate of DAGs, of gradient descent on squares and of SGD
# with cross-entropy, against three predictions; and trains DAG#1-3 at every rate of a list.
# digits is embedded; mnist and cifar10 are looked for in $DATA_ROOT (default data/) and
# downloaded when absent. Further words go on to python -m mlp_code.learning_rate (see its --help).
# Cost on digits: 5 CPU seconds a network (40; --networks 0: all 290), 3 CPU minutes for DAG#1-3 at
#   every rate, 1 for them at width 256, about 15 times that at the default 1,024 (--wide). Stop it
#   when you like: it goes on where it was.
# Writes: runs/learning_rate/NAME/, and its figures and tables in runs/report/
# Config: configs/learning_rate/dags.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
check_images "$what"
setup

py_then_report learning_rate learning_rate "$(basename "$what" .npz)" mlp_code.learning_rate \
    --config configs/learning_rate/dags.yaml --dataset "$what" "$@"
