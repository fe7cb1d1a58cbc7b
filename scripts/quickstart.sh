#!/usr/bin/env bash
# From a fresh clone to trained DAGs: bash scripts/quickstart.sh
#
# Makes .venv, then trains DAG#1, DAG#2 and DAG#3 of Fig. 3 on real handwritten digits, three
# seeds each, and draws how fast they converge. Safe to run twice: what is done is kept.
# Cost: a few minutes for the install, then under 3 minutes on 2 cores.
# Writes: runs/mlp/digits/ and runs/report/dags.{png,pdf}
# Config: configs/mlp/digits.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

py -m mlp_code --config configs/mlp/digits.yaml "$@"
echo
echo "Figures and table:"
py -m report dags
py -m report convergence runs/mlp/digits
cat <<'END'

How to go on:
  your own DAG    edit configs/mlp/my_dag.yaml, then: bash scripts/fig4.sh configs/mlp/my_dag.yaml
  draw any DAG    bash scripts/fig3.sh 2_12_112
  the paper's     bash scripts/fig4.sh mnist
END
