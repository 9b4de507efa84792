# Says, gives up, and installs Debian's packages: for scripts that need a program. Sourced, not run.
# shellcheck shell=bash

say() { printf '%s\n' "scripts/${0##*/}: $*" >&2; }

die() {
    say "$*"
    exit 1
}

# Runs a command as root; "$1" is what to do where that can't be.
as_root() {
    local otherwise=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "neither root nor sudo: $otherwise"
    fi
}

# Installs packages; "$1" is what to do where that can't be.
apt_install() {
    local otherwise=$1
    shift
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends)
    as_root "$otherwise" "${apt[@]}" update </dev/null >&2
    as_root "$otherwise" "${apt[@]}" install "$@" </dev/null >&2
}
