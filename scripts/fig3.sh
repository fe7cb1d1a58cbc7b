#!/usr/bin/env bash
# Fig. 3, or any DAGs: bash scripts/fig3.sh [[NAME=]CODE ...] [--out PATH]
#
# Draws DAGs as the paper does: solid arrows linear, dashed skip, light grey removed.
# Without codes: DAG#1, DAG#2 and DAG#3 of the paper.
# Cost: seconds.
# Writes: runs/report/dags.png and .pdf, or PATH.png and PATH.pdf

cd "$(dirname "$0")/.." && source scripts/common.sh

py -m report dags "$@"
