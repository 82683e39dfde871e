#!/usr/bin/env bash
# Makes .venv in the checkout. `setup.sh base` is enough to score and serve; `setup.sh full` adds what training and the
# tests need, with tesseract, PostgreSQL and Chromium. Does nothing when .venv is up to date. Called by the Makefile.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?usage: setup.sh base|full}
venv=.venv
stamp=$venv/.installed-$kind

say() { printf '==> %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# apt_install PACKAGE WHY
apt_install() {
    say "installing the system package $1 ($2)"
    command -v apt-get >/dev/null || fail "$1 is needed ($2) and there is no apt-get here: install it by hand"
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } >/dev/null ||
        fail "$1 is needed ($2) and could not be installed without root: run 'sudo apt-get install $1'"
}

# Debian's package would also make and start a server; the tests start one of their own.
apt_install_postgresql() {
    local config=/etc/postgresql-common/createcluster.conf
    [ -e $config ] || as_root sh -c "mkdir -p ${config%/*} && echo 'create_main_cluster = false' >$config" || true
    apt_install postgresql "the tests keep a ledger in PostgreSQL too"
}

find_python() {
    for candidate in python3.11 python3.12 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or 3.12 is needed and was not found on PATH"
}

make_venv() {
    local python version
    python=$(find_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    # Debian ships Python without the module that puts pip into a new environment.
    "$python" -c 'import ensurepip' 2>/dev/null || apt_install "python$version-venv" "to make a virtual environment"
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

# What g++ compiles against Python needs its headers, which Debian packs apart.
ensure_python_headers() {
    "$venv/bin/python" -c 'import pathlib, sysconfig, sys; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' ||
        apt_install "python$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-dev" "to compile pdqhash"
}

# uv resolves and unpacks in seconds what takes pip minutes; pip does the work where uv cannot.
install() {
    local index
    index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    # Compiled once here, or each process that a test or a server starts would parse torch and its like anew.
    "$venv/bin/python" -m uv pip install --quiet --compile-bytecode --python "$venv/bin/python" -c constraints.txt "$@" && return
    say "uv could not install it; trying pip"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$@"
}

fingerprint() { cat pyproject.toml constraints.txt scripts/setup.sh | sha256sum | cut -d' ' -f1; }

if [ "$kind" = full ] && ! command -v tesseract >/dev/null; then
    apt_install tesseract-ocr "the tests read pictures with both OCR engines"
fi
if [ "$kind" = full ] && ! tesseract --list-langs 2>/dev/null | grep -qx rus; then
    apt_install tesseract-ocr-rus "the tests read Russian with tesseract"
fi
if [ "$kind" = full ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null; then
    apt_install_postgresql
fi
if [ "$kind" = full ] && ! command -v curl >/dev/null; then
    apt_install curl "the tests run the commands of the documents"
fi
if [ "$kind" = full ] && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null &&
    ! command -v google-chrome >/dev/null; then
    apt_install chromium "the tests open the pages in a browser"
fi
if [ "$kind" = full ] && ! command -v g++ >/dev/null; then
    apt_install g++ "pdqhash and weighted-levenshtein, which threatexchange asks for, come as source"
fi
if [ "$kind" = full ] && ! command -v npm >/dev/null; then
    apt_install npm "a client of the Perspective API is an npm package"
fi
if [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
    exit 0
fi
[ -x "$venv/bin/python" ] || make_venv
[ "$kind" = base ] || ensure_python_headers
case $kind in
    base) target=. ;;
    full) target='.[train,tracking,tracing,postgres,batch,heif,threatexchange,docs,dev]' ;;
    *) fail "unknown kind '$kind'; use base or full" ;;
esac
say "installing $target into $venv (versions from constraints.txt; a few minutes the first time)"
install -e "$target"
fingerprint >"$stamp"
[ "$kind" = base ] || fingerprint >"$venv/.installed-base"
say "ready: $("$venv/bin/memeguard" --version)"
