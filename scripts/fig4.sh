#!/usr/bin/env bash
# Fig. 4: bash scripts/fig4.sh [digits|mnist|cifar10|PATH.npz|CONFIG.yaml] [--key value ...]
#
# Trains the config's DAGs and draws training accuracy and loss per epoch.
# mnist, cifar10 and PATH.npz: the paper's protocol (width 1,024, rate 1e-5, batch 128, 3 seeds) for
# 40 epochs on mnist, 60 on the others. digits: a small protocol (width 128, rate 1e-3, batch 32),
# which other images get by: bash scripts/fig4.sh configs/mlp/digits.yaml --dataset PATH.npz
# Cost: digits about a minute on 2 cores; mnist and cifar10 more than an hour there, and about 3
#   minutes on an H200 for 100 epochs and 10 seeds
# Writes: runs/mlp/NAME/, and NAME's convergence figure and tables in runs/report/; NAME is the
#   config's or the .npz file's stem
# Config: configs/mlp/digits.yaml, fig4_mnist.yaml, fig4_cifar10.yaml (also for PATH.npz), or your own

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
config="$what"
case "$what" in
    digits) config=configs/mlp/digits.yaml ;;
    mnist | cifar10) config="configs/mlp/fig4_$what.yaml" ;;
    *.yaml | *.yml) need_file "$config" ;;
    *)
        check_images "$what" digits mnist cifar10 CONFIG.yaml
        config=configs/mlp/fig4_cifar10.yaml
        set -- --dataset "$what" --run.name "$(basename "$what" .npz)" "$@"
        ;;
esac
py_then_report all mlp "$(basename "${config%.*}")" mlp_code --config "$config" "$@"
