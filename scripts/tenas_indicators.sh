#!/usr/bin/env bash
# What TE-NAS' indicators prefer: bash scripts/tenas_indicators.sh [TABLE] [--key value ...]
#
# Prunes by kappa alone, by R alone and by both, and draws which operators survive. With TABLE
# (accuracies of NAS-Bench-201, CSV or CSV.gz) it also measures kappa and R of 100 architectures
# and prints Kendall's tau with their accuracy. Further words go on to python -m tenas_dag.
# Cost on 2 cores: under 5 minutes, and 10 more with TABLE (which needs CIFAR-10).
# Writes: runs/tenas/preference_*/, runs/tenas/correlate/, runs/report/tenas_preference.*
# Config: configs/tenas/preference.yaml, correlate.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

table=""
case "${1:-}" in
    "" | --*) ;;
    *)
        table="$1"
        shift
        [ -f "$table" ] || fail "$table: no such file (paths count from $PWD)"
        ;;
esac
setup

for ranking in kappa regions both; do
    py -m tenas_dag --config configs/tenas/preference.yaml --rank_by "$ranking" \
        --run.name "preference_$ranking" "$@"
done
py -m report tenas-preference runs/tenas/preference_{kappa,regions,both}
if [ -n "$table" ]; then
    py -m tenas_dag.correlate --config configs/tenas/correlate.yaml --table "$table"
    py -m report tenas-correlation runs/tenas/correlate
fi
