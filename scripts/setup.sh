#!/bin/sh
# Makes .venv with everything the project needs. Usage: scripts/setup.sh run|dev
# Works as root (brings missing system libraries by apt) or as a plain user (names them).
set -eu
cd "$(dirname "$0")/.."
extra=${1:-run}
venv=.venv
# The PyTorch project's own index of CPU builds, asked only when the usual index has none.
torch_cpu_index=${TORCH_CPU_INDEX:-https://download.pytorch.org/whl/cpu}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

bring_python() {
    command -v python3 >/dev/null 2>&1 || command -v "${PYTHON:-python3}" >/dev/null 2>&1 ||
        ! can_install || apt_install python3 python3-venv
}

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer; on Debian 12: apt-get install -y python3 python3-venv"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_install() {
    command -v apt-get >/dev/null 2>&1 &&
        { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }; }
}

apt_install() {
    can_install || fail "missing system packages. Ask an administrator to run:
  apt-get install -y --no-install-recommends $*"
    say "installing system packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >/dev/null
}

missing_packages() {
    "$1" - <<'PY'
import ctypes
needed = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libgomp.so.1": "libgomp1",
}
for library, package in needed.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        print(package)
PY
}

make_venv() {
    [ -x $venv/bin/python ] && $venv/bin/python -m pip --version >/dev/null 2>&1 && return
    rm -rf $venv
    if ! "$python" -m venv $venv >/dev/null 2>&1; then
        rm -rf $venv
        apt_install python3-venv
        "$python" -m venv $venv
    fi
}

install_torch() {
    $venv/bin/python -c 'import torch' >/dev/null 2>&1 && return
    torch=$(sed -n 's/^torch==//p' constraints.txt)
    if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi >/dev/null 2>&1; then
        say "installing torch $torch with CUDA"
        $pip "torch==$torch"
    elif [ "$(uname -s)" != Linux ]; then
        $pip "torch==$torch"
    else
        say "installing torch $torch for the CPU"
        $pip "torch==$torch+cpu" 2>/dev/null ||
            $pip --index-url "$torch_cpu_index" "torch==$torch+cpu"
    fi
}

stamp=$venv/.ready-$extra
if [ -f "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && [ ! constraints.txt -nt "$stamp" ]; then
    exit 0
fi
bring_python
python=$(find_python)
if [ "$(uname -s)" = Linux ]; then
    missing=$(missing_packages "$python")
    # shellcheck disable=SC2086
    [ -z "$missing" ] || apt_install $missing
fi
make_venv
pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary"
install_torch
say "installing hydra-mono and its dependencies"
if [ "$extra" = dev ]; then
    $pip -c constraints.txt -e '.[dev]'
else
    $pip -c constraints.txt -e .
fi
touch "$stamp"
[ "$extra" != dev ] || touch $venv/.ready-run
$venv/bin/hydra-mono doctor --quiet
say "ready: $venv/bin/hydra-mono"
