#!/usr/bin/env bash
# Every topology of three layers: bash scripts/topologies.sh [IMAGES] [--key value ...]
#
# Trains all 662 codes that have a path (290 different networks, three seeds each) batched,
# and says which of depth, width and the kernels' eigenvalues predict speed and accuracy.
# Cost: about 15 minutes on 2 cores.
# Writes: runs/topologies/NAME/ with topologies.csv; its figure and tables in runs/report/
# Config: configs/topologies/IMAGES.yaml, where there is none digits.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

study topologies mlp_code.topologies dataset digits "${@:-digits}"
