#!/usr/bin/env bash
# Table 2: bash scripts/table2.sh [digits|cifar10|cifar100|ImageNet16-120] [--key value ...]
#
# Searches NAS-Bench-201 by WOT's score on images of the data set, 500 repeats of 100 samples:
# without a filter, with the box rule (+ DAG), and with the published code's fixed box. Prints
# accuracies beside the published ones. digits is embedded; cifar10 and cifar100 are looked for
# in $DATA_ROOT (default data/) and downloaded when absent. All but digits need the accuracy
# table $DATA_ROOT/nasbench201.csv.gz (python -m spaces.benchmark convert --help).
# Further words go on to python -m wot_dag (see its --help).
# Cost on 2 cores: digits 2 minutes, the others 30 to 50 minutes the first time, then seconds:
# scores are kept in runs/wot_scores/ and shared with table3.sh.
# Writes: runs/wot/table2_NAME_{none,box,published}/ and runs/report/table2_NAME.md
# Config: configs/wot/digits.yaml, nasbench201_cifar10.yaml, nasbench201_cifar100.yaml,
#   nasbench201_ImageNet16-120.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
config="$(wot_config "$what")"
setup

runs=()
for filter in none box published; do
    name="table2_${what}_$filter"
    records="$(records_of wot_dag --config "$config" --filter "$filter" --run.name "$name" "$@")"
    runs+=("$records")
done
py -m report table2 "${runs[@]}" --out "runs/report/table2_$what.md"
