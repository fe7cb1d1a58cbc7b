#!/usr/bin/env bash
# kappa and R: bash scripts/tenas_indicators.sh [IMAGES] [--key value ...]
#
# Kendall's tau of kappa and of R with the accuracy of 100 architectures, measured on images of the
# data set; on digits also which operators survive pruning by kappa alone, by R alone and by both.
# Cost: about 5 minutes on 2 cores.
# Writes: runs/tenas_correlation/NAME/; on digits runs/tenas/preference_*/; runs/report/
# Config: configs/tenas/correlate.yaml, preference.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
check_images "$what"
py_then_report tenas_indicators tenas_correlation "$(basename "$what" .npz)" \
    tenas_dag.correlate --config configs/tenas/correlate.yaml --indicators.dataset "$what" "$@"
if [ "$what" = digits ]; then
    for ranking in kappa regions both; do
        py -m tenas_dag --config configs/tenas/preference.yaml --rank_by "$ranking" \
            --run.name "preference_$ranking"
    done
    py -m report show tenas_preference runs/tenas/preference_{kappa,regions,both}
fi
