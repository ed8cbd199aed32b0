# shellcheck shell=bash
# How what makes test hosts gets its packages: from Debian's mirrors, by apt-get and debootstrap.
# For scripts that run under `set -e`; what they print on stdout stays theirs.

log() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
    log "$*"
    exit 1
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root "$@" >&2
}

missing_packages() {
    local package
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

# Once a run at most, and only when something is to be fetched.
update_lists() {
    [[ -n ${updated:-} ]] || apt update
    updated=1
}

# Installing must not start a thing here, whatever a dependency brings.
forbid_services() {
    local policy=/usr/sbin/policy-rc.d
    # One of ours is from a run that was killed.
    if [[ ! -e $policy ]] || grep -q 'systemd-ctr tests' "$policy"; then
        # shellcheck disable=SC2064 # the path of now
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\n# By the systemd-ctr tests while they install packages.\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    log "installing ${missing[*]}"
    update_lists
    (
        forbid_services
        apt install "${missing[@]}"
    )
}

# fresh PATH TEXT: whether PATH was made, and from TEXT.
fresh() {
    [[ -e $1 && $(cat "$1.stamp" 2>/dev/null) == "$2" ]]
}

# Removes a tree; a debootstrap that was killed left file systems mounted in it.
discard() {
    local mounted
    while read -r _ mounted _; do
        [[ $mounted != "$1"/* ]] || umount "$mounted"
    done < <(tac /proc/mounts)
    rm -rf --one-file-system "$1"
}

# debootstrap_tree RELEASE TREE PACKAGE...: a tree of Debian with these, whatever was there.
debootstrap_tree() {
    local release=$1 tree=$2 mirror proxy
    shift 2
    install_packages debootstrap
    discard "$tree"
    # From where, and through what proxy, apt-get gets its packages here.
    # shellcheck disable=SC2016 # apt-get's variable
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' | awk 'NR == 1')
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase \
        --include="$(IFS=, && echo "$*")" "$release" "$tree" \
        "${mirror:-http://deb.debian.org/debian}" >&2 || die "debootstrap failed: see $tree/debootstrap"
    rm -rf "$tree"/var/cache/apt/archives/*.deb
}
