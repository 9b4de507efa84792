# Finds PostgreSQL's programs, or installs them: for scripts that start a private server. Sourced, not run.
# shellcheck shell=bash

# shellcheck source=scripts/install.sh
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"

readonly oldest=15
readonly to_install=17 # of what brew offers

readonly remedy="install PostgreSQL $oldest or newer, or name its programs in SOUK_PG_BIN"

# Prints "17" for a directory whose `postgres` is of version 17.x, and nothing for any other.
version_in() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ] || return 0
    "$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p' || true
}

# One directory a line, the best first.
candidates() {
    local program
    program=$(command -v postgres || true)
    if [ -n "$program" ]; then dirname "$program"; fi
    if command -v pg_config >/dev/null; then pg_config --bindir || true; fi
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -t / -k 5,5nr
    printf '%s\n' /usr/pgsql-*/bin | sort -t - -k 2,2nr
    printf '%s\n' {/opt/homebrew,/usr/local,/home/linuxbrew/.linuxbrew}/opt/postgresql@*/bin | sort -t @ -k 2,2nr
}

find_programs() {
    local directory version
    while read -r directory; do
        version=$(version_in "$directory")
        if [ "${version:-0}" -ge "$oldest" ]; then
            printf '%s\n' "$directory"
            return
        fi
    done < <(candidates)
}

# Debian's package would create and start a server of its own. The setting that prevents this is
# in postgresql-common, so that comes first; afterwards the setting is as it was.
install_with_apt() {
    local settings=/etc/postgresql-common/createcluster.conf status=0
    apt_install "$remedy" postgresql-common
    as_root "$remedy" cp -p "$settings" "$settings.before-souk"
    as_root "$remedy" sh -c "echo 'create_main_cluster = false' >> $settings"
    apt_install "$remedy" postgresql || status=$?
    as_root "$remedy" mv "$settings.before-souk" "$settings"
    return "$status"
}

install_programs() {
    if command -v apt-get >/dev/null; then
        say "no PostgreSQL $oldest or newer here: installing the package postgresql with apt-get"
        install_with_apt </dev/null >&2
    elif command -v brew >/dev/null; then
        say "no PostgreSQL $oldest or newer here: installing postgresql@$to_install with brew"
        brew install "postgresql@$to_install" </dev/null >&2
    else
        die "no PostgreSQL $oldest or newer here, and neither apt-get nor brew: install it, or name its programs in SOUK_PG_BIN"
    fi
}

# Leaves the directory of the programs in SOUK_PG_BIN, for whoever is run next.
provide_programs() {
    if [ -z "${SOUK_PG_BIN:-}" ]; then
        SOUK_PG_BIN=$(find_programs)
        if [ -z "$SOUK_PG_BIN" ]; then
            install_programs
            SOUK_PG_BIN=$(find_programs)
        fi
        [ -n "$SOUK_PG_BIN" ] || die "what was installed is older than PostgreSQL $oldest; see postgresql.org for newer packages"
        export SOUK_PG_BIN
    fi
    say "PostgreSQL $(version_in "$SOUK_PG_BIN") from $SOUK_PG_BIN"
}
