#!/usr/bin/env bash
# Everything that was measured: bash scripts/report.sh [FOLDER ...]
#
# Published numbers beside measured ones: RESULTS.md, the tables as CSV, Markdown and LaTeX, the
# figures as PNG and PDF, and report.html, one page with plots to play with that needs no network.
# Reads records and computes nothing anew: those in results/ and in runs/, or in the folders named.
# Cost: half a minute.
# Writes: runs/report/: report.html, RESULTS.md, tables/, figures/

cd "$(dirname "$0")/.." && source scripts/common.sh

[ $# -gt 0 ] || set -- results runs
py -m report all --records "$@"
