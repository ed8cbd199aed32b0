# shellcheck shell=bash
# Units of systemd-ctr, and what one asks of them: `load lib/container` after lib/host.

# A main process that ends by the stop signal at once: PID 1 of a PID namespace has no default
# action for SIGTERM.
# shellcheck disable=SC2034 # by those who load this
readonly heeds_term='trap "exit 143" TERM; while :; do sleep 1000 & wait; done'

# container_unit NAME [DIRECTIVE=VALUE]... [OPTION-OF-OURS]... -- DOCKER-RUN-ARGUMENTS: writes a unit
# for a container of that name. The command line is passed through quoted, so that what the shell
# holds is what the program gets.
container_unit() {
    local name=$1 directives=() options=() words=() word
    shift
    while [[ $1 != -- ]]; do
        case $1 in
        [A-Z]*=*) directives+=("$1") ;;
        *) options+=("$1") ;;
        esac
        shift
    done
    shift
    for word in "${options[@]}" run --name "$name" "$@"; do
        word=${word//\\/\\\\}
        word=${word//\"/\\\"}
        word=${word//%/%%}
        word=${word//\$/\$\$}
        words+=("\"${word//$'\n'/\\n}\"")
    done
    write_unit "$name" <<UNIT
[Service]
Type=notify
Delegate=yes
KillMode=mixed
ExecStart=/usr/bin/systemd-ctr ${words[*]}
ExecStopPost=-/usr/bin/systemd-ctr cleanup $name
$(printf '%s\n' "${directives[@]}")
UNIT
}

# container_catches NAME SIGNAL: whether its first process has a handler for it by now: before, the signal is
# lost on a process with the PID 1.
container_catches() {
    local caught
    caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$(container_pid "$1")/status") &&
        ((16#$caught >> ($(kill -l "$2") - 1) & 1))
}

# exit_status_of NAME: what systemd says of the unit's last run.
exit_status_of() {
    unit_property "$1" ExecMainStatus
}

# status_says NAME TEXT: whether the unit's status line has it; for wait_for.
status_says() {
    [[ "$(unit_property "$1" StatusText)" == *"$2"* ]]
}

# sleep_through_watchdog SECONDS: for tests of what the passing of this time does, or does not.
sleep_through_watchdog() {
    read -r -t "$1" <> <(:) || true
}

unit_is_down() {
    case $(unit_property "$1" ActiveState) in
    inactive | failed) ;;
    *) return 1 ;;
    esac
}

# cgroup_of PID [HIERARCHY]: its path in the hierarchy that systemd tracks by, or in that of a
# controller of version 1.
cgroup_of() {
    sed -n "s/^${2:+[0-9]*:}${2:-${tracking_line%:}}://p" "/proc/$1/cgroup"
}

# processes_in_namespace_of PID: all processes of the PID namespace that PID is in.
processes_in_namespace_of() {
    find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/pid' \
        -lname "$(readlink "/proc/$1/ns/pid" | sed 's/[][]/\\&/g')" 2>/dev/null | cut -d/ -f3
}

# processes_outside NAME PID: those of PID's container that are not in the payload of unit NAME.
processes_outside() {
    processes_in_namespace_of "$2" | sed 's,.*,/proc/&/cgroup,' | xargs -r grep -sH "^$tracking_line" |
        grep -v ":/system.slice/$1.service/payload" || true
}

no_frozen_cgroup() {
    ! find /sys/fs/cgroup/system.slice -name cgroup.freeze -exec grep -l 1 {} + 2>/dev/null | grep .
}
