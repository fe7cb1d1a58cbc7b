#!/usr/bin/env bash
# Kernels and training: bash scripts/theory.sh [IMAGES] [--key value ...]
#
# For DAG#1-3: eigenvalues of the exact and the paper-form kernels, Eq. 12, and gradient descent
# of wide networks beside its prediction from the NTK.
# Cost: about 8 minutes on 2 cores, 50 on busy ones.
# Writes: runs/theory/NAME/; its figures and tables in runs/report/
# Config: configs/theory/IMAGES.yaml, where there is none dags.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

study theory mlp_code.theory dataset dags "${@:-digits}"
