#!/usr/bin/env bash
# Depth and width of torchvision's classifiers: bash scripts/models.sh [WHAT ...]
#
# Traces every classifier of torchvision, counts its paths, and says whether effective depth and
# width order them as their published ImageNet accuracy does, overall and within families.
# WHAT: other words of python -m spaces.measure, such as torchvision:resnet50 or package.module:f.
# Nothing is downloaded: models are built without weights, accuracies come with torchvision.
# Cost: 1 to 2 minutes on 2 cores.
# Writes: runs/models/torchvision/, of WHAT runs/models/own/; runs/report/

cd "$(dirname "$0")/.." && source scripts/common.sh

folder=runs/models/own
command="bash scripts/models.sh${*:+ $*}"
if [ $# -eq 0 ]; then
    set -- 'torchvision:*'
    folder=runs/models/torchvision
fi
mkdir -p "$folder"
py -m spaces.measure "$@" --json "$folder/result.json" --csv "$folder/models.csv"
py -m common.record --command "$command" "$folder" "$@"
py -m report show models "$folder"
