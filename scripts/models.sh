#!/usr/bin/env bash
# Depth and width of torchvision's classifiers: bash scripts/models.sh [WHAT ...]
#
# Traces every classifier of torchvision, counts its paths, and says whether effective depth and
# width order them as their published ImageNet accuracy does, overall and within families.
# WHAT: other words of python -m spaces.measure, such as torchvision:resnet50 or package.module:f.
# Nothing is downloaded: models are built without weights, accuracies come with torchvision.
# Cost: 1 to 2 minutes on 2 cores.
# Writes: runs/models/torchvision/ with result.json, environment.json, models.csv, .png and .pdf;
#         of WHAT runs/models/own/, without the figure

# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
setup

folder=runs/models/own
if [ $# -eq 0 ]; then
    set -- 'torchvision:*'
    folder=runs/models/torchvision
fi
mkdir -p "$folder"
py -m spaces.measure "$@" --json "$folder/result.json" --csv "$folder/models.csv"
py -c 'import json, sys; from common.runs import environment
print(json.dumps(environment("cpu") | {"command": sys.argv[1]}, indent=1))' \
    "bash scripts/models.sh" >"$folder/environment.json"
if [ "$folder" = runs/models/torchvision ]; then
    py -m report models "$folder"
fi
echo "Records: $folder/"
