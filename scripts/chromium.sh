# Finds Chromium, or installs it: for scripts that look at pages. Sourced, not run.
# shellcheck shell=bash

# shellcheck source=scripts/install.sh
source "$(dirname "${BASH_SOURCE[0]}")/install.sh"

# One program a line, the best first.
browsers() {
    local name
    for name in chromium chromium-browser google-chrome-stable google-chrome; do command -v "$name" || true; done
    printf '%s\n' "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
}

find_chromium() {
    local program
    while read -r program; do
        if [ -x "$program" ]; then
            printf '%s\n' "$program"
            return
        fi
    done < <(browsers)
}

# Leaves the program in SOUK_CHROMIUM, for whoever is run next.
provide_chromium() {
    if [ -z "${SOUK_CHROMIUM:-}" ]; then
        SOUK_CHROMIUM=$(find_chromium)
        if [ -z "$SOUK_CHROMIUM" ]; then
            command -v apt-get >/dev/null || die "no Chromium here, and no apt-get: install it, or name it in SOUK_CHROMIUM"
            say "no Chromium here: installing the package chromium with apt-get"
            apt_install "install Chromium, or name it in SOUK_CHROMIUM" chromium
            SOUK_CHROMIUM=$(find_chromium)
        fi
        [ -n "$SOUK_CHROMIUM" ] || die "the package chromium brought no program of that name"
        export SOUK_CHROMIUM
    fi
    say "browser $SOUK_CHROMIUM"
}
