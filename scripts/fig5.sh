#!/usr/bin/env bash
# Fig. 5: bash scripts/fig5.sh [nasbench201|TABLE.csv[.gz]]
#
# Accuracy over effective depth and width, one panel for each data set of an accuracy table:
# colour mean, area variance, R the multiple correlation of accuracy with depth and width.
# nasbench201 ships with the code; python -m spaces.benchmark convert makes others. Where NDS files lie in $DATA_ROOT/nds_data (NASNet.json, Amoeba.json, PNAS.json,
# ENAS.json, DARTS.json), their union is a panel more.
# Cost: seconds.
# Writes: runs/landscape/NAME/, runs/report/tables/fig5.*, runs/report/figures/fig5.*

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"

what="${1:-nasbench201}"
case "$what" in
    nasbench201) table=nasbench201 name=nasbench201 ;;
    *)
        table="$what" name="$(basename "$what")"
        name="${name%%.*}"
        ;;
esac
setup

folders=("$(records_of wot_dag.landscape --table "$table" --name "$name")")
nds=()
for space in NASNet Amoeba PNAS ENAS DARTS; do
    file="${DATA_ROOT:-data}/nds_data/$space.json"
    [ ! -f "$file" ] || nds+=("$file")
done
if [ "$what" = nasbench201 ] && [ "${#nds[@]}" -eq 0 ]; then
    echo "no NDS files in ${DATA_ROOT:-data}/nds_data: no panel of them (scripts/prepare_data.sh nds)"
elif [ "$what" = nasbench201 ]; then
    folders+=("$(records_of wot_dag.landscape --nds "${nds[@]}")")
fi
py -m report show fig5 "${folders[@]}"
