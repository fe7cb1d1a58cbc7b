#!/usr/bin/env bash
# Downloads datasets: bash scripts/prepare_data.sh [mnist|cifar10|cifar100|svhn ...]
#
# Without names it says what is there. digits needs nothing: it ships with scikit-learn.
# Cost: up to 200 MB and a few minutes for each set.
# Writes: $DATA_ROOT, by default data/

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

py -m common.prepare "$@"
