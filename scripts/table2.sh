#!/usr/bin/env bash
# Table 2: bash scripts/table2.sh [digits|cifar10|cifar100|ImageNet16-120|PATH.npz] [--key value ...]
#
# Searches NAS-Bench-201 on images of the data set: WOT, 500 repeats of 100 samples, without a
# filter, with the box rule (+ DAG), and with the published code's fixed box; TE-NAS, three seeds,
# without and with the exempt rule (+ DAG). Prints accuracies beside the published ones. digits is
# embedded, and its accuracies are digits-201's (results/digits201); the others need the table
# $DATA_ROOT/nasbench201.csv.gz (python -m spaces.benchmark convert --help), and cifar10 and
# cifar100 are looked for in $DATA_ROOT (default data/) and downloaded when absent.
# Further words go on to python -m wot_dag, and those after -- to python -m tenas_dag; --table goes
# to both (--table '' goes on without accuracies).
# Cost on 2 cores: digits 3 minutes, the others 2 hours the first time, then seconds: WOT's scores
# are kept in runs/wot_scores/ and shared with table3.sh.
# Writes: runs/wot/table2_NAME_{none,box,published}/, runs/tenas/table2_NAME_{none,exempt}/ and
#   runs/report/tables/table2.*
# Config: configs/{wot,tenas}/digits.yaml, or nasbench201.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
wot_words=() table=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    wot_words+=("$1")
    if [ "$1" = --table ]; then
        table=(--table "${2-}")
    fi
    shift
done
shift || true
set -- ${table[@]+"${table[@]}"} "$@"
name="table2_$(basename "$what" .npz)"
wot=(wot_dag --config "$(wot_config "$what")" --score.dataset "$what")
tenas=(tenas_dag --config "$(tenas_config "$what")" --indicators.dataset "$what")
setup

runs=()
for filter in none box published; do
    records="$(records_of "${wot[@]}" --filter "$filter" --run.name "${name}_$filter" ${wot_words[@]+"${wot_words[@]}"})"
    runs+=("$records")
done
for filter in none exempt; do
    records="$(records_of "${tenas[@]}" --filter "$filter" --run.name "${name}_$filter" "$@")"
    runs+=("$records")
done
py -m report show table2 "${runs[@]}"
