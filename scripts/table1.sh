#!/usr/bin/env bash
# Table 1: bash scripts/table1.sh cifar10|imagenet-1k GENOTYPE_FILE ... [--key value ...]
#
# Trains each genotype from scratch and prints its row below the published one: test errors and
# parameters.
# GENOTYPE_FILE: genotype.json or result.json of a search on the DARTS space, or DARTS_V2.
# cifar10 is looked for in $DATA_ROOT (default data/) and downloaded when absent; imagenet-1k
# must lie there (bash scripts/prepare_data.sh imagenet-1k says what to fetch). Further words go
# on to python -m retrain (see its --help). Stopped, the same command goes on where it was.
# On several GPUs: PROCESSES=8 bash scripts/table1.sh ...
# Cost: made for GPUs; nothing here has measured it.
# Writes: runs/retrain/table1_NAME_GENOTYPE/, runs/report/tables/
# Config: configs/retrain/darts_cifar10.yaml, darts_imagenet.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-}"
shift || true
case "$what" in
    cifar10) config=configs/retrain/darts_cifar10.yaml ;;
    imagenet-1k) config=configs/retrain/darts_imagenet.yaml ;;
    *) fail "found '$what', expected cifar10 or imagenet-1k, then a genotype file" ;;
esac
genotypes=()
while [ $# -gt 0 ] && [[ "$1" != --* ]]; do
    [ "$1" = DARTS_V2 ] || [ -f "$1" ] || fail "$1: no such file (paths count from $PWD)"
    genotypes+=("$1")
    shift
done
[ "${#genotypes[@]}" -gt 0 ] || fail "no genotype file; searches write one: scripts/tenas_darts.sh"
if [ "$what" = imagenet-1k ] && [ ! -d "${DATA_ROOT:-data}/imagenet-1k/train" ]; then
    fail "${DATA_ROOT:-data}/imagenet-1k is not there: bash scripts/prepare_data.sh imagenet-1k"
fi
setup

launch=(-m retrain)
if [ "${PROCESSES:-1}" -gt 1 ]; then
    launch=(-m torch.distributed.run --nproc-per-node "$PROCESSES" --max-restarts 3 "${launch[@]}")
fi
runs=()
for genotype in "${genotypes[@]}"; do
    name="$(basename "$(dirname "$genotype")")_$(basename "$genotype" .json)"
    name="table1_${what}_${name#._}"
    name="$(run_name "$name" "$@")"
    py "${launch[@]}" --config "$config" --genotype "$genotype" "$@" --run.name "$name"
    runs+=("runs/retrain/$name")
done
py -m report show all "${runs[@]}"
