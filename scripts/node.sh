# Finds Node with npm, or installs them: for scripts that run JavaScript. Sourced, not run.
# shellcheck shell=bash

# shellcheck source=scripts/install.sh
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"

readonly oldest_node=18

# Whether there is a Node that will do.
has_node() {
    local version
    command -v npm >/dev/null && version=$(node --version 2>/dev/null) || return 1
    version=${version#v}
    [ "${version%%.*}" -ge "$oldest_node" ]
}

provide_node() {
    if ! has_node; then
        command -v apt-get >/dev/null || die "no Node $oldest_node or newer with npm here, and no apt-get: see nodejs.org"
        say "no Node $oldest_node or newer with npm here: installing the packages nodejs and npm with apt-get"
        apt_install "install Node $oldest_node or newer with npm" nodejs npm
        has_node || die "what was installed is older than Node $oldest_node; see nodejs.org for newer packages"
    fi
    say "Node $(node --version)"
}

# Installs what the lock file of the present directory names.
install_packages() { npm ci --ignore-scripts --no-progress --loglevel=error >&2; }
