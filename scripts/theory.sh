#!/usr/bin/env bash
# Kernels and training: bash scripts/theory.sh [digits|mnist|cifar10|FILE.npz] [--key value ...]
#
# For DAG#1-3: eigenvalues of the exact and the paper-form kernels, Eq. 12, and gradient descent
# of wide networks beside its prediction from the NTK.
# digits is embedded; mnist and cifar10 are looked for in $DATA_ROOT (default data/) and
# downloaded when absent. Further words go on to python -m mlp_code.theory (see its --help).
# Cost: about 8 minutes on 2 cores, 50 on busy ones.
# Writes: runs/theory/NAME/ with spectra and training (.png, .pdf) and theory.md
# Config: configs/theory/dags.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
shift || true
check_images "$what"
setup

py_then_report theory theory "$(basename "$what" .npz)" mlp_code.theory \
    --config configs/theory/dags.yaml --dataset "$what" "$@"
