#!/usr/bin/env bash
# digits-201: bash scripts/build_digits201.sh [check] [--key value ...]
#
# Trains all 6,466 distinct cells of NAS-Bench-201 on the embedded 8x8 digits and writes the table
# that `table2.sh digits`, `table3.sh digits` and `fig5.sh digits` look accuracies up in. The table
# is in results/digits201/ already: build it to change how it is made. One process per core (or
# $PROCESSES), or one for each GPU. Killed, it goes on where it was.
# check: trains 50 random cells of the committed table again and prints how far they are off.
# Further words go on to python -m retrain.digits201 (see its --help).
# Cost on 2 cores: somewhat over an hour; check two minutes.
# Writes: runs/digits201/digits201/table.csv.gz and result.json; check: runs/digits201/check.json
# Config: configs/retrain/digits201.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

config=configs/retrain/digits201.yaml
if [ "${1:-}" = check ]; then
    shift
    py -m retrain.digits201 --config "$config" --check 50 "$@"
    exit
fi
gpus="$(py -c 'import torch; print(torch.cuda.device_count())')"
processes="${PROCESSES:-$((gpus > 0 ? gpus : $(cores)))}"
py -m torch.distributed.run --standalone --nproc-per-node "$processes" \
    -m retrain.digits201 --config "$config" "$@"
