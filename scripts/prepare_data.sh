#!/usr/bin/env bash
# Fetches data: bash scripts/prepare_data.sh [NAME ...]
#
# NAME: mnist, cifar10, cifar100 and svhn are downloaded; for ImageNet16-120, imagenet-1k,
# nas-bench-201 and nds it prints the page, the files, the size and the place they belong to.
# Without names it says what is there. digits needs nothing: it ships with scikit-learn.
# Cost: up to 200 MB and a few minutes for each set.
# Writes: $DATA_ROOT, by default data/

cd "$(dirname "$0")/.." && source scripts/common.sh

py -m common.prepare "$@"
