#!/usr/bin/env bash
# Learning rates of DAGs: bash scripts/learning_rate.sh [IMAGES] [--key value ...]
#
# Measures the largest stable and the best rate of DAGs, of gradient descent on squares and of SGD
# with cross-entropy, against three predictions; and trains DAG#1-3 at every rate of a list.
# Cost on digits: 5 CPU seconds a network (40; --networks 0: all 290), 3 CPU minutes for DAG#1-3 at
#   every rate, 1 for them at width 256, about 15 times that at the default 1,024 (--wide)
# Writes: runs/learning_rate/NAME/; its figures and tables in runs/report/
# Config: configs/learning_rate/IMAGES.yaml, where there is none dags.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

study learning_rate mlp_code.learning_rate dataset dags "${@:-digits}"
