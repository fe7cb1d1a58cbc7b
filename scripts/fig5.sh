#!/usr/bin/env bash
# Fig. 5: bash scripts/fig5.sh [nasbench201|TABLE.csv[.gz]]
#
# Accuracy over effective depth and width, one panel for each data set of an accuracy table:
# colour mean, area variance, R the multiple correlation of accuracy with depth and width.
# nasbench201 is the benchmark's table, which ships with the code. Where NDS files lie in
# $DATA_ROOT/nds_data (NASNet.json, Amoeba.json, PNAS.json, ENAS.json, DARTS.json; default data/),
# their union is a panel more.
# Cost: seconds.
# Writes: runs/landscape/NAME/ and runs/report/figures/

cd "$(dirname "$0")/.." && source scripts/common.sh

table="${1:-nasbench201}"
name="$(basename "$table")"
name="${name%%.*}"

py -m wot_dag.landscape --table "$table" --run.name "$name"
runs=("runs/landscape/$name")
nds=()
for file in "${DATA_ROOT:-data}"/nds_data/{NASNet,Amoeba,PNAS,ENAS,DARTS}.json; do
    [ ! -f "$file" ] || nds+=("$file")
done
if [ "$table" = nasbench201 ] && [ "${#nds[@]}" -eq 0 ]; then
    echo "no NDS files in ${DATA_ROOT:-data}/nds_data: no panel of them (scripts/prepare_data.sh nds)"
elif [ "$table" = nasbench201 ]; then
    py -m wot_dag.landscape --nds "${nds[@]}" --run.name NDS
    runs+=(runs/landscape/NDS)
fi
py -m report show fig5 "${runs[@]}"
