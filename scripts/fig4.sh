#!/usr/bin/env bash
# Fig. 4: bash scripts/fig4.sh [digits|mnist|cifar10|PATH.npz|CONFIG.yaml] [--key value ...]
#
# Trains the config's DAGs and draws training accuracy and loss per epoch.
# mnist, cifar10 and PATH.npz: the paper's protocol (width 1,024, rate 1e-5, batch 128, 3 seeds) for
# 40 epochs on mnist, 60 on the others. digits: a small protocol (width 128, rate 1e-3, batch 32),
# which other images get by: bash scripts/fig4.sh configs/mlp/digits.yaml --dataset PATH.npz
# digits is embedded; mnist and cifar10 are looked for in $DATA_ROOT (default data/) and
# downloaded when absent. Further words go on to python -m mlp_code (see its --help).
# Cost: digits about a minute on 2 cores; mnist and cifar10 more than an hour there, and about 3
#   minutes on an H200 for 100 epochs and 10 seeds. Stop it when you like: it goes on where it was.
# Writes: runs/mlp/NAME/, and NAME's convergence figure and tables in runs/report/; NAME is the
#   config's or the .npz file's stem
# Config: configs/mlp/digits.yaml, fig4_mnist.yaml, fig4_cifar10.yaml (also for PATH.npz), or your own

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}" name=""
shift || true
case "$what" in
    digits) config=configs/mlp/digits.yaml ;;
    mnist | cifar10) config="configs/mlp/fig4_$what.yaml" ;;
    *.npz)
        [ -f "$what" ] || fail "$what: no such file (paths count from $PWD)"
        config=configs/mlp/fig4_cifar10.yaml name="$(basename "$what" .npz)"
        set -- --dataset "$what" "$@"
        ;;
    *.yaml | *.yml) config="$what" ;;
    *) fail "found '$what', expected digits, mnist, cifar10, a .npz or a .yaml file" ;;
esac
[ -f "$config" ] || fail "$config: no such file (paths count from $PWD)"
setup

py_then_report all mlp "${name:-$(basename "${config%.*}")}" mlp_code --config "$config" "$@"
