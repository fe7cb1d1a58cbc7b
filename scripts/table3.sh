#!/usr/bin/env bash
# Table 3: bash scripts/table3.sh [IMAGES] [--key value ...]
#
# The box rule's fraction: WOT on NAS-Bench-201 with 1, 3/4, 1/2, 1/4 of the half-ranges, as in
# table2.sh; then, in the box of 1/2, what is in the upper 0.3, 0.2, 0.1, 0.05 by its kernel.
# --run.name NAME names all runs.
# Cost: as table2.sh, with which it shares its scores; seconds after it.
# Writes: runs/wot/table3_NAME_[kernel_]FRACTION/ and runs/report/tables/table3.{csv,md,tex}
# Config: those of table2.sh

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
config="$(config_for wot "$what" nasbench201)"
words=(--config "$config" --score.dataset "$what")
name="$(run_name "table3_$(basename "$what" .npz)" "$@")"
for fraction in 1 0.75 0.5 0.25; do
    py -m wot_dag "${words[@]}" --filter box --fraction "$fraction" "$@" \
        --run.name "${name}_$fraction"
done
for fraction in 0.3 0.2 0.1 0.05; do
    py -m wot_dag "${words[@]}" --filter kernel --kernel_fraction "$fraction" "$@" \
        --run.name "${name}_kernel_$fraction"
done
py -m report show table3 runs/wot/"$name"_{1,0.75,0.5,0.25,kernel_{0.3,0.2,0.1,0.05}}
