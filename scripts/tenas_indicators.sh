#!/usr/bin/env bash
# bash scripts/tenas_indicators.sh [digits|cifar10|cifar100|ImageNet16-120|PATH.npz] [--key value ...]
#
# Kendall's tau of kappa and of R with the accuracy of 100 architectures, measured on images of the
# data set. On digits it also prunes by kappa alone, by R alone and by both, and draws which
# operators survive.
# Cost on 2 cores: digits 5 minutes, the others 10.
# Writes: runs/tenas_correlation/NAME/; on digits runs/tenas/preference_*/; runs/report/
# Config: configs/tenas/correlate.yaml, correlate_digits.yaml, preference.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
check_images "$what" digits cifar10 cifar100 ImageNet16-120
config=configs/tenas/correlate.yaml
[ "$what" != digits ] || config=configs/tenas/correlate_digits.yaml
py_then_report tenas_indicators tenas_correlation "$(basename "$what" .npz)" \
    tenas_dag.correlate --config "$config" --indicators.dataset "$what" "$@"
if [ "$what" = digits ]; then
    for ranking in kappa regions both; do
        py -m tenas_dag --config configs/tenas/preference.yaml --rank_by "$ranking" \
            --run.name "preference_$ranking"
    done
    py -m report show tenas_preference runs/tenas/preference_{kappa,regions,both}
fi
