# shellcheck shell=bash
# Sourced by every script: goes to the repository's root and makes .venv once.
# Everything that a script writes stays inside the repository.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Waiting threads sleep at once: spinning gains a little at rest, and loses ten times as much where
# another program wants a core too.
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-0}"
export MPLCONFIGDIR="$PWD/.venv/cache/matplotlib"
export XDG_CACHE_HOME="$PWD/.venv/cache"
export TORCH_HOME="$PWD/.venv/cache/torch"

readonly NEEDED_GB=8  # torch with its CUDA libraries, unpacked

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Prints the comment block at the head of the calling script.
show_help() {
    sed -n '2,/^$/{s/^# \{0,1\}//p;}' "scripts/$(basename "$0")"
}

# Stops with the script's help if the first argument asks for it.
help_if_asked() {
    case "${1:-}" in
        -h | --help)
            show_help
            exit 0
            ;;
    esac
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "found $(python3 --version 2>&1 || echo 'no python3'), need Python 3.10 or newer:" \
        "install one, or name it: PYTHON=/path/to/python3.12 bash $0"
}

cores() {
    nproc 2>/dev/null || sysctl -n hw.ncpu
}

free_gb() {
    df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }'
}

# Makes .venv from requirements.txt, unless that has been done for this very file.
setup() {
    local wanted python
    wanted="$(cksum <requirements.txt)"
    if [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python="$(find_python)"
    if [ ! -x .venv/bin/python ] && [ "$(free_gb)" -lt "$NEEDED_GB" ]; then
        fail "found $(free_gb) GB free in $PWD, need $NEEDED_GB GB: free some space"
    fi
    echo "Installing requirements.txt into .venv (a few minutes, once)"
    "$python" -m venv .venv || fail "could not make .venv with $python: is its venv module there?"
    TMPDIR="$(mktemp -d "$PWD/.venv/tmp.XXXX")" .venv/bin/python -m pip install \
        --quiet --no-cache-dir --disable-pip-version-check -r requirements.txt ||
        fail "pip could not install requirements.txt (its message is above; $(free_gb) GB are free)"
    rm -rf .venv/tmp.*
    .venv/bin/python -c 'import torchvision' ||
        fail "torch and torchvision do not fit each other: remove .venv and start again"
    echo "$wanted" >.venv/installed
}

# Runs a command and hands TERM and Ctrl-C on to it: bash alone would die and leave it behind.
child() {
    local pid status
    "$@" <&0 &
    pid=$!
    trap 'kill -TERM "$pid" 2>/dev/null || true' TERM INT
    while :; do
        status=0
        wait "$pid" || status=$?
        kill -0 "$pid" 2>/dev/null || break # else a signal cut the wait short
    done
    trap - TERM INT
    return "$status"
}

# Runs the project's Python.
py() {
    child .venv/bin/python "$@"
}

# Prints the name of the run: that of the last --run.name NAME among the words after $1, else $1.
run_name() {
    local name="$1" before="" word
    shift
    for word in "$@"; do
        [ "$before" != --run.name ] || name="$word"
        case "$word" in --run.name=*) name="${word#*=}" ;; esac
        before="$word"
    done
    echo "$name"
}

# Runs module $4 with the words after it as run $3 of kind $2, then shows report $1 of it.
py_then_report() {
    local report="$1" folder name
    name="$(run_name "$3" "${@:5}")"
    folder="runs/$2/$name"
    py -m "$4" "${@:5}" --run.name "$name"
    if [ -f "$folder/result.json" ]; then
        py -m report show "$report" "$folder"
    fi
}

# Fails unless $1 names images that MLPs are trained on.
check_images() {
    case "$1" in
        digits | mnist | cifar10) ;;
        *.npz) [ -f "$1" ] || fail "$1: no such file (paths count from $PWD)" ;;
        *) fail "found '$1', expected digits, mnist, cifar10 or a .npz file" ;;
    esac
}

# Prints the WOT config for images of data set $1.
wot_config() {
    case "$1" in
        digits) echo configs/wot/digits.yaml ;;
        cifar10 | cifar100 | ImageNet16-120 | *.npz) echo configs/wot/nasbench201.yaml ;;
        *) fail "found '$1', expected digits, cifar10, cifar100, ImageNet16-120 or PATH.npz" ;;
    esac
}

# Prints the TE-NAS config for images of data set $1: of a search, or of `correlate` if $2 says so.
tenas_config() {
    case "$1" in
        digits) echo "configs/tenas/${2:+$2_}digits.yaml" ;;
        cifar10 | cifar100 | ImageNet16-120 | *.npz) echo "configs/tenas/${2:-nasbench201}.yaml" ;;
        *) fail "found '$1', expected digits, cifar10, cifar100, ImageNet16-120 or PATH.npz" ;;
    esac
}
