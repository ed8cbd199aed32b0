#!/usr/bin/env bats
# An engine with the cgroupfs driver: it takes a path for a container's cgroup, so the container is
# born in its unit (mode parent). Moved ones leave cgroups behind that nobody but us removes.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154
# host: cgroupfs

load lib/host
load lib/container

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

@test "auto is parent: born in the unit, and 3 restarts do not nest" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    born_in web
    status_says web "cgroup mode parent"
    journal_has web "cgroup mode parent (the engine has the cgroupfs driver)"
    [ "$(systemd-ctr status --json web | jq -r '"\(.cgroup_mode): \(.cgroup_mode_reason)"')" = \
        "parent: the engine has the cgroupfs driver" ]
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

@test "docker top, stats, pause, unpause, exec and update work on one that was born in the unit" {
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

@test "its device filter is in force from the start" {
    container_unit walls Type=oneshot -- --rm busybox sh -c 'mknod /tmp/f c 10 229; : </tmp/f && echo opened'
    systemctl start walls || true
    wait_for 5 journal_has walls "Operation not permitted"
    run ! journal_has walls opened
}

@test "without Delegate=yes it is moved, and the journal says what to add" {
    container_unit plain Delegate=no -- --rm busybox sh -c "$heeds_term"
    systemctl start plain
    [ "$(cgroup_of "$(container_pid plain)")" = /system.slice/plain.service ]
    journal_has plain "add Delegate=yes to the unit"
    status_says plain "cgroup mode move"
    # Asked for by name it is impossible.
    container_unit never Delegate=no --cgroup-mode=parent -- --rm busybox true
    run ! systemctl start never
    [ "$(exit_status_of never)" = 125 ]
    wait_for 5 journal_has never "--cgroup-mode=parent: needs Delegate=yes in the unit"
    run ! container_exists never
}

@test "one that was born is adopted after kill -9 of the wrapper, where it is" {
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

@test "--rm=false: what was born in the unit is started again there" {
    container_unit again --rm=false -- busybox sh -c "$heeds_term"
    systemctl start again
    id=$(docker inspect -f '{{.Id}}' again)
    systemctl stop again
    systemctl start again
    [ "$(docker inspect -f '{{.Id}}' again)" = "$id" ]
    born_in again
}

@test "--cgroup-mode=move: moved with its device filter, and stops" {
    container_unit web --cgroup-mode=move -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    id=$(docker inspect -f '{{.Id}}' web)
    [ "$(cgroup_of "$(container_pid web)")" = /system.slice/web.service/payload ]
    container_unit inside --cgroup-mode=move Type=oneshot -- --rm busybox sh -c 'sleep 1; mknod /tmp/f c 10 229; : </tmp/f && echo opened'
    systemctl start inside || true
    wait_for 5 journal_has inside "Operation not permitted"
    run ! journal_has inside opened
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    no_leftovers web
    no_cgroup_named "$id"
}
