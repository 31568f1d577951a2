#!/usr/bin/env bash
# Makes .venv from requirements.lock, with uv. Needs Python 3.11 to 3.13; a missing uv is fetched into build/uv.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never
uv=uv # where there is none, find_uv sets another

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

fits() { # whether the interpreter runs (a pyenv shim may not) and has a version that the lock was made for
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
}

find_python() {
    for python in ${PYTHON:-python3.12 python3.11 python3.13 python3 python}; do
        fits "$python" && return
    done
    fail "no Python 3.11 to 3.13 found (set PYTHON=/path/to/python3 to name one)"
}

find_uv() {
    uv --version >/dev/null 2>&1 && return
    uv=build/uv/bin/uv
    "$uv" --version >/dev/null 2>&1 && return
    echo "setup: no uv here; fetching it into build/uv"
    rm -rf build/uv
    with_venv || with_pip || { with_apt && with_venv; } ||
        fail "could not fetch uv; install Debian's python3-venv (apt install python3-venv) or uv, then try again"
}

with_venv() { # without Debian's python3-venv package the first command fails
    "$python" -m venv build/uv 2>/dev/null && build/uv/bin/python -m pip install --quiet uv && [ -x "$uv" ]
}

with_pip() { # --target leaves an externally managed Python alone (PEP 668)
    "$python" -m pip --version >/dev/null 2>&1 && rm -rf build/uv &&
        "$python" -m pip install --quiet --target build/uv uv && [ -x "$uv" ]
}

with_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    rm -rf build/uv
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv ca-certificates
}

find_python
find_uv
echo "setup: $("$python" --version) and $("$uv" --version)"
if ! fits .venv/bin/python; then
    rm -rf .venv
    "$uv" venv --quiet --python "$(command -v "$python")" .venv
fi
# The lock pins setuptools too: without build isolation nothing is installed that it does not name.
# Compiled at once, since where PYTHONDONTWRITEBYTECODE is set (as in many containers) each process would compile anew.
"$uv" pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
# "compat" puts the checkout itself on the path, with the book's tools, wherever a notebook is opened.
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . \
    --config-settings editable_mode=compat
touch .venv/.installed
echo "setup: .venv is ready"
