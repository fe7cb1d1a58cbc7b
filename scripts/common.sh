# shellcheck shell=bash
# Sourced by every script in the repository's root: prints the script's help where its first word
# asks for it, and makes .venv before the first Python. Everything that a script writes stays
# inside the repository.

set -euo pipefail

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

# The comment block at the head of the script, and what holds for all that take words for Python.
help_if_asked() {
    case "${1:-}" in -h | --help) ;; *) return 0 ;; esac
    sed -n '2,/^$/{s/^# \{0,1\}//p;}' "scripts/$(basename "$0")"
    ! grep -q '^# .*\[--key value' "scripts/$(basename "$0")" || cat <<'END'

IMAGES: digits, which is embedded, where none are named; or PATH.npz; or another of the data sets
that bash scripts/prepare_data.sh lists: they are looked for in $DATA_ROOT (default data/), and
downloaded when absent if they can be. Further words go on to the Python entry, whose --help lists
them. Stopped, the same command goes on where it was.
END
    exit 0
}
help_if_asked "$@"

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "found $(python3 --version 2>&1 || echo 'no python3'), need Python 3.10 or newer:" \
        "install one, or name it: PYTHON=/path/to/python3.12 bash $0"
}

# The number of processes for this machine's cores, at most 8.
processes() {
    local cores
    cores="$(nproc 2>/dev/null || sysctl -n hw.ncpu)"
    echo "$((cores < 8 ? cores : 8))"
}

free_gb() {
    df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }'
}

# Makes .venv from requirements.txt, unless that has been done for this very file.
setup() {
    local wanted python
    wanted="$(cksum <requirements.txt)"
    [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ] || return 0
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
    setup
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

# Runs module $2 with setting $3 at images $5, by their own config or that of name $4, with the words
# after them, then shows report $1: the name of the config's kind and of the run's too.
study() {
    local config
    config="$(config_for "$1" "$5" "$4")"
    py_then_report "$1" "$1" "$(basename "$5" .npz)" "$2" --config "$config" "--$3" "${@:5}"
}

need_file() {
    [ -f "$1" ] || fail "$1: no such file (paths count from $PWD)"
}

# Fails where the first word names no images, or a file that is not there. Which data sets there are
# the catalogue knows: the first entry that runs tells a name that it lacks.
check_images() {
    case "$1" in
        -*) fail "found '$1', expected IMAGES first: a data set, such as digits, or PATH.npz" ;;
        *.npz) need_file "$1" ;;
    esac
}

# Prints the config of kind $1 that bears the name of images $2, or else one of the names after it:
# the first that is there, or the last.
config_for() {
    local name
    check_images "$2"
    for name in "${@:2}"; do
        [ ! -f "configs/$1/$name.yaml" ] || break
    done
    echo "configs/$1/$name.yaml"
}

# Prints the config of kind $1 for DARTS' cells and data set $2.
darts_config() {
    case "$2" in
        cifar10 | imagenet-1k) echo "configs/$1/darts_${2%-1k}.yaml" ;;
        *) fail "found '$2', expected cifar10 or imagenet-1k (see bash $0 --help)" ;;
    esac
}
