#!/usr/bin/env bash
# Table 1: bash scripts/table1.sh cifar10|imagenet-1k GENOTYPE_FILE ... [--key value ...]
#
# Trains each genotype from scratch and prints its row below the published one: test errors and
# parameters. GENOTYPE_FILE: genotype.json or result.json of a search on the DARTS space, or
# DARTS_V2. On several GPUs: PROCESSES=8 bash scripts/table1.sh ...
# Cost: made for GPUs; nothing here has measured it.
# Writes: runs/retrain/table1_NAME_GENOTYPE/, runs/report/tables/
# Config: configs/retrain/darts_cifar10.yaml, darts_imagenet.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-}"
shift || true
config="$(darts_config retrain "$what")"
genotypes=()
while [ $# -gt 0 ] && [[ "$1" != --* ]]; do
    [ "$1" = DARTS_V2 ] || need_file "$1"
    genotypes+=("$1")
    shift
done
[ "${#genotypes[@]}" -gt 0 ] || fail "no genotype file; searches write one: scripts/tenas_darts.sh"
if [ "$what" = imagenet-1k ] && [ ! -d "${DATA_ROOT:-data}/imagenet-1k/train" ]; then
    fail "${DATA_ROOT:-data}/imagenet-1k is not there: bash scripts/prepare_data.sh imagenet-1k"
fi
launch=(-m retrain)
if [ "${PROCESSES:-1}" -gt 1 ]; then
    launch=(-m torch.distributed.run --nproc-per-node "$PROCESSES" --max-restarts 3 "${launch[@]}")
fi
runs=()
for genotype in "${genotypes[@]}"; do
    name="$(basename "$(dirname "$genotype")")_$(basename "$genotype" .json)"
    name="$(run_name "table1_${what}_${name#._}" "$@")"
    py "${launch[@]}" --config "$config" --genotype "$genotype" "$@" --run.name "$name"
    runs+=("runs/retrain/$name")
done
py -m report show all "${runs[@]}"
