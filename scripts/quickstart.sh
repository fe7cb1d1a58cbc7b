#!/usr/bin/env bash
# From a fresh clone to a report: bash scripts/quickstart.sh
#
# With real handwritten digits as images: trains DAG#1, DAG#2 and DAG#3 of Fig. 3; compares gradient
# descent with its prediction from their kernels; searches NAS-Bench-201 by WOT and TE-NAS, with and
# without the DAG principle, with the benchmark's true accuracies, which ship with the code; and puts
# all of it into one report. Safe to run twice: what is done is kept.
# Cost: a few minutes for the install, then 7 minutes on 2 cores, of which the scores of all cells
# take 2; seconds the second time.
# Writes: runs/{mlp,theory,wot,tenas,landscape}/, runs/report/report.html
# Config: configs/{mlp,wot,tenas}/digits.yaml, configs/theory/quickstart.yaml

cd "$(dirname "$0")/.." && source scripts/common.sh

# Runs the words after $2, unless the finished run $2 is there; $1 says what they do.
step() {
    local what="$1" run="$2"
    shift 2
    printf '\n== %s\n' "$what"
    if [ -f "runs/$run/result.json" ]; then
        echo "done before: runs/$run"
    else
        "$@"
    fi
}

train() {
    child bash scripts/fig3.sh
    child bash scripts/fig4.sh digits
}

step "1/6 Fig. 3 and 4: DAG#1, DAG#2 and DAG#3 on digits" mlp/digits train
step "2/6 Training predicted from kernels" theory/quickstart \
    py_then_report theory theory quickstart mlp_code.theory --config configs/theory/quickstart.yaml
step "3/6 Table 2: searches" tenas/table2_digits_exempt child bash scripts/table2.sh digits
step "4/6 Table 3: how much of the box to keep" wot/table3_digits_0.25 \
    child bash scripts/table3.sh digits
step "5/6 Fig. 5: accuracy over depth and width" landscape/nasbench201 child bash scripts/fig5.sh
printf '\n== 6/6 Report\n'
page=runs/report/report.html
if [ -f "$page" ] && [ -z "$(find runs results -name result.json -newer "$page" -print -quit)" ]; then
    echo "done before: $page"
else
    child bash scripts/report.sh
fi
cat <<'END'

Open runs/report/report.html. How to go on:
  your own DAG     copy and edit configs/mlp/my_dag.yaml: bash scripts/fig4.sh COPY.yaml
  the paper's run  bash scripts/fig4.sh mnist
  what is there    bash scripts/prepare_data.sh

Found here with images of digits, beside what was published:
END
py -m report summary runs
