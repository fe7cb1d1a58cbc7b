#!/usr/bin/env bash
# From a fresh clone to a report: bash scripts/quickstart.sh
#
# Makes .venv, then, on real handwritten digits: trains DAG#1, DAG#2 and DAG#3 of Fig. 3 and draws
# how fast they converge; compares gradient descent with its prediction from the DAGs' kernels;
# searches NAS-Bench-201 by WOT and TE-NAS, with and without the DAG principle, with accuracies of
# digits-201, our own miniature of the benchmark; and puts all of it into one report. Safe to run
# twice: what is done is kept.
# Cost: a few minutes for the install, then under 5 minutes on 2 cores; seconds the second time.
# Writes: runs/mlp/digits/, runs/theory/quickstart/, runs/wot/, runs/tenas/, runs/report/
# Config: configs/mlp/digits.yaml, configs/theory/quickstart.yaml, configs/wot/digits.yaml,
#   configs/tenas/digits.yaml

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

# Runs the words after $2, unless their last output $2 is there; $1 says what they do.
step() {
    local what="$1" output="$2"
    shift 2
    echo
    echo "== $what"
    if [ -f "$output" ]; then
        echo "done before: $output"
    else
        "$@"
    fi
}

train() {
    py -m mlp_code --config configs/mlp/digits.yaml
    py -m report dags
    py -m report show mlp runs/mlp/digits
}

step "1/4 Training DAG#1, DAG#2 and DAG#3 (Fig. 3, Fig. 4)" runs/mlp/digits/result.json train
step "2/4 Training predicted from kernels" runs/theory/quickstart/result.json \
    py_then_report theory theory quickstart mlp_code.theory --config configs/theory/quickstart.yaml
step "3/4 Searches on digits-201 (Table 2)" runs/tenas/table2_digits_exempt/result.json \
    child bash scripts/table2.sh digits
step "    ... (Table 3)" runs/wot/table3_digits_0.25/result.json child bash scripts/table3.sh digits
step "    ... (Fig. 5)" runs/landscape/nasbench201/result.json child bash scripts/fig5.sh
step "4/4 Report" "" child bash scripts/report.sh
cat <<'END'

Open runs/report/report.html. How to go on:
  your own DAG     copy and edit configs/mlp/my_dag.yaml: bash scripts/fig4.sh COPY.yaml
  the paper's run  bash scripts/fig4.sh mnist
  what is there    bash scripts/prepare_data.sh
END
