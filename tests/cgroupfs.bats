#!/usr/bin/env bats
# An engine with the cgroupfs driver: it takes a path for a container's cgroup, so the container is
# born in its unit (mode parent). Moved ones leave cgroups behind that nobody but us removes.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154
# host: cgroupfs

load lib/host
load lib/container
load lib/born

@test "auto is parent: born in the unit, and 3 restarts do not nest" {
    is_born parent "the engine has the cgroupfs driver"
}

@test "docker top, stats, pause, unpause, exec and update work on one that was born in the unit" {
    has_docker_tools
}

@test "its device filter is in force from the start" {
    has_device_filter
}

@test "one that was born is adopted after kill -9 of the wrapper, where it is" {
    is_adopted
}

@test "--rm=false: what was born in the unit is started again there" {
    is_started_again
}

@test "a unit of several commands: one container after another" {
    follows_another
}

@test "kill -9 of the wrapper in the midst of starts: nothing is left, the next start works" {
    survives_kills
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
