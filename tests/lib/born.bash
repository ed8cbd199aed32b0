# shellcheck shell=bash
# Containers that are born in their unit, by mode parent or runtime: what both have to do, `load lib/born`
# after lib/container.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

# born_in NAME: whether all of the container lives in a cgroup of its own below the unit's payload.
born_in() {
    local id
    id=$(docker inspect -f '{{.Id}}' "$1")
    [ "$(cgroup_of "$(container_pid "$1")")" = "/system.slice/$1.service/payload/$id" ]
}

systemd_version() {
    systemctl --version | awk 'NR == 1 { print int($2) }'
}

no_cgroup_named() {
    [ -z "$(find /sys/fs/cgroup -name "*$1*")" ]
}

# is_born MODE REASON: auto takes MODE; 3 restarts do not nest; nothing is left.
is_born() {
    local id
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    born_in web
    status_says web "cgroup mode $1"
    journal_has web "cgroup mode $1 ($2)"
    [ "$(systemd-ctr status --json web | jq -r '"\(.cgroup_mode): \(.cgroup_mode_reason)"')" = "$1: $2" ]
    for _ in 1 2 3; do
        systemctl restart web
        born_in web
        [ "$(cgroup_of "$(unit_property web MainPID)")" = /system.slice/web.service/supervisor ]
    done
    id=$(docker inspect -f '{{.Id}}' web)
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    no_leftovers web
    no_cgroup_named "$id"
}

has_docker_tools() {
    container_unit tools -- --rm busybox sh -c "$heeds_term"
    systemctl start tools
    docker top tools | grep -q 'sh -c'
    [ "$(docker stats --no-stream --format '{{.Name}}' tools)" = tools ]
    docker pause tools
    [ "$(docker inspect -f '{{.State.Status}}' tools)" = paused ]
    grep -q '^frozen 1' "$system_slice/tools.service/payload"/*/cgroup.events
    docker unpause tools
    [ "$(docker exec tools echo hello)" = hello ]
    docker exec -d tools sleep 777
    wait_for 5 pgrep -x -f 'sleep 777'
    [[ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" == /system.slice/tools.service/payload/* ]]
    docker update --restart=no tools
    born_in tools
}

has_device_filter() {
    container_unit walls Type=oneshot -- --rm busybox sh -c 'mknod /tmp/f c 10 229; : </tmp/f && echo opened'
    systemctl start walls || true
    wait_for 5 journal_has walls "Operation not permitted"
    run ! journal_has walls opened
}

is_adopted() {
    local pid
    # Where controllers are enabled for the container, nothing may be started in the unit's own cgroup.
    [ "$(systemd_version)" -ge 254 ] || skip "systemd has no DelegateSubgroup= before 254"
    container_unit kept KillMode=process Restart=always RestartSec=100ms DelegateSubgroup=supervisor \
        ExecStopPost= -- --rm busybox sh -c "$heeds_term"
    systemctl start kept
    pid=$(container_pid kept)
    kill -KILL "$(unit_property kept MainPID)"
    wait_for 10 journal_has kept "is adopted"
    wait_for 10 unit_property_is kept ActiveState active
    [ "$(container_pid kept)" = "$pid" ]
    born_in kept
}

is_started_again() {
    local id
    container_unit again --rm=false -- busybox sh -c "$heeds_term"
    systemctl start again
    id=$(docker inspect -f '{{.Id}}' again)
    systemctl stop again
    systemctl start again
    [ "$(docker inspect -f '{{.Id}}' again)" = "$id" ]
    born_in again
    systemctl stop again
    # From a shell there is no unit to be born in.
    systemd-ctr --rm=false run --name again busybox sh -c "$heeds_term" &
    wait_for 10 container_catches again TERM
    kill -TERM $!
    wait $!
}

# Controllers that were enabled for the one before must not keep systemd from the next.
follows_another() {
    local run='/usr/bin/systemd-ctr run --rm --name before busybox true'
    container_unit after "ExecStartPre=$run" -- --rm busybox sh -c "$heeds_term"
    systemctl start after
    born_in after
    systemctl stop after
    no_leftovers after
    container_unit steps Type=oneshot "ExecStart=$run" -- --rm busybox true
    systemctl start steps
}

# kill -9 of the wrapper at moments of a start: nothing is left, the next start works.
survives_kills() {
    local moment
    container_unit killed Type=exec -- --rm busybox sh -c "$heeds_term"
    for moment in 0.01 0.03 0.05 0.08 0.12 0.2 0.3 0.5; do
        systemctl start killed
        read -r -t "$moment" <> <(:) || true
        kill -KILL "$(unit_property killed MainPID)"
        wait_for 15 no_leftovers killed
        systemctl reset-failed killed
    done
    systemctl start killed
    wait_for 10 born_in killed
    [ -z "$(ls /run/systemd-ctr/runtime 2>/dev/null)" ]
}
