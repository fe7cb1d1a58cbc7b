#!/usr/bin/env bash
# Fig. 5: bash scripts/fig5.sh [digits|nasbench201|TABLE.csv[.gz]]
#
# Accuracy over effective depth and width, one panel for each data set of an accuracy table:
# colour mean, area variance, R the multiple correlation of accuracy with depth and width.
# digits is digits-201, our own miniature of the benchmark (results/digits201); nasbench201 is
# $DATA_ROOT/nasbench201.csv.gz (default data/; python -m spaces.benchmark convert
# --help). Where NDS files lie in $DATA_ROOT/nds_data (NASNet.json, Amoeba.json, PNAS.json,
# ENAS.json, DARTS.json), their union is a panel more.
# Cost: seconds.
# Writes: runs/report/fig5_NAME.png, .pdf and .json

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-digits}"
case "$what" in
    digits) table=results/digits201/table.csv.gz name=digits201 ;;
    nasbench201) table=nasbench201.csv.gz name=nasbench201 ;;
    *)
        table="$what" name="$(basename "$what")"
        name="${name%%.*}"
        ;;
esac
setup

data="runs/report/fig5/$name.csv.gz"
py -m wot_dag.landscape --table "$table" --out "$data"
panels=("$data")
nds=()
for space in NASNet Amoeba PNAS ENAS DARTS; do
    file="${DATA_ROOT:-data}/nds_data/$space.json"
    [ ! -f "$file" ] || nds+=("$file")
done
if [ "$what" = nasbench201 ] && [ "${#nds[@]}" -eq 0 ]; then
    echo "no NDS files in ${DATA_ROOT:-data}/nds_data: no panel of them (scripts/prepare_data.sh nds)"
elif [ "$what" = nasbench201 ]; then
    py -m wot_dag.landscape --nds "${nds[@]}" --out runs/report/fig5/NDS.csv.gz
    panels+=(runs/report/fig5/NDS.csv.gz)
fi
py -m report fig5 "${panels[@]}" --out "runs/report/fig5_$name"
