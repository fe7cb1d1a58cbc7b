#!/usr/bin/env bash
# Scores: bash scripts/scores.sh [IMAGES] [--key value ...]
#
# Which training-free score orders NAS-Bench-201's cells by accuracy, and does it beat the number of
# parameters? Kendall's tau and Spearman's rho over all cells and over those with a depth, what the
# seed changes, and what random search by each finds without a filter, with the box and with the
# kernel. Costly scores are taken on 1,000 random cells. Words go on to
# python -m wot_dag.compare.
# Cost: digits a quarter of an hour on one core, the others hours; scores are kept in
# runs/wot_scores/, those of WOT shared with table2.sh.
# Writes: runs/scores/NAME/ and runs/report/tables/scores*.{csv,md,tex}
# Config: configs/scores/IMAGES.yaml, where there is none nasbench201.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

study scores wot_dag.compare score.dataset nasbench201 "${@:-digits}"
