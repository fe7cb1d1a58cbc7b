#!/usr/bin/env bash
# Table 2: bash scripts/table2.sh [IMAGES] [--key value ...]
#
# Searches NAS-Bench-201 on images of the data set: WOT without a filter, with the box rule (+ DAG),
# with the published code's fixed box, and with the box and the upper tenth by the kernel of a cell's
# DAG; by that kernel alone, which builds no network; TE-NAS without and with the exempt rule (+ DAG).
# Words go on to python -m wot_dag, and those after -- to python -m tenas_dag; --table goes to both
# (a CSV file, or '' for none); --run.name NAME names all runs. digits has few seeds of TE-NAS;
# 50: bash scripts/table2.sh digits -- --seeds "[$(seq -s, 0 49)]"
# Cost on 2 cores: digits 3 minutes, the others 2 hours the first time, then seconds: WOT's scores
# are kept in runs/wot_scores/ and shared with table3.sh.
# Writes: runs/wot/table2_NAME_*/, runs/tenas/table2_NAME_*/, runs/report/tables/table2.{csv,md,tex}
# Config: configs/{wot,tenas}/IMAGES.yaml, where there is none nasbench201.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

what="${1:-digits}"
shift || true
wot_words=() table=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    wot_words+=("$1")
    case "$1" in
        --table) table=(--table "${2-}") ;;
        --table=*) table=("$1") ;;
    esac
    shift
done
shift || true
set -- ${table[@]+"${table[@]}"} "$@"
wot_config="$(config_for wot "$what" nasbench201)"
tenas_config="$(config_for tenas "$what" nasbench201)"
name="$(run_name "table2_$(basename "$what" .npz)" ${wot_words[@]+"${wot_words[@]}"})"
images=(--config "$wot_config" --score.dataset "$what")
tenas=(--config "$tenas_config" --indicators.dataset "$what")

# Words of one's own may name a file of WOT's scores, or make others, then on demand. The search
# without a network is first: it tells absent images in one line, torchrun in many.
if [ "${#wot_words[@]}" -eq 0 ]; then
    py -m wot_dag "${images[@]}" --score.name nngp --run.name "${name}_nngp"
    # The others draw nearly every cell. On CPUs a process for each core scores them twice as fast
    # as the threads of one.
    if ! command -v nvidia-smi >/dev/null; then
        OMP_NUM_THREADS=1 py -m torch.distributed.run --standalone --nproc-per-node "$(processes)" \
            -m wot_dag.score "${images[@]}"
    fi
fi
for filter in none box published kernel; do
    py -m wot_dag "${images[@]}" --filter "$filter" ${wot_words[@]+"${wot_words[@]}"} \
        --run.name "${name}_$filter"
done
for filter in none exempt; do
    py -m tenas_dag "${tenas[@]}" --filter "$filter" "$@" --run.name "${name}_$filter"
done
py -m report show table2 runs/wot/"$name"_{none,box,published,kernel,nngp} runs/tenas/"$name"_{none,exempt}
