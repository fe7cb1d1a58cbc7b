#!/usr/bin/env bash
# Fig. 4: bash scripts/fig4.sh [IMAGES|CONFIG.yaml] [--key value ...]
#
# Trains the config's DAGs and draws training accuracy and loss per epoch.
# digits: a small protocol (width 128, rate 1e-3, batch 32), which other images get by: bash
# scripts/fig4.sh configs/mlp/digits.yaml --dataset IMAGES. Others: the paper's protocol (width
# 1,024, rate 1e-5, batch 128, 3 seeds) for 40 epochs on mnist, 60 on the others.
# Cost: digits about a minute on 2 cores; mnist and cifar10 more than an hour there, and about 3
#   minutes on an H200 for 100 epochs and 10 seeds
# Writes: runs/mlp/NAME/, NAME the config's stem or that of the images; runs/report/
# Config: configs/mlp/IMAGES.yaml, fig4_IMAGES.yaml, where there is none fig4_cifar10.yaml; or yours

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
case "$what" in
    *.yaml | *.yml) need_file "$what" && config="$what" ;;
    *)
        config="$(config_for mlp "$what" "fig4_$what" fig4_cifar10)"
        set -- --dataset "$what" "$@"
        [[ "$config" == *"$what.yaml" ]] || set -- --run.name "$(basename "$what" .npz)" "$@"
        ;;
esac
py_then_report all mlp "$(basename "${config%.*}")" mlp_code --config "$config" "$@"
