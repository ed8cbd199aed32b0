#!/usr/bin/env bats
# A hybrid host: systemd tracks its units by a cgroup v2 without controllers and keeps name=systemd
# alike; controllers are on cgroup v1.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154
# host: hybrid

load lib/host
load lib/container
load lib/hierarchies

@test "moved in unified and name=systemd: systemctl status shows its processes, nothing is left" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    pid=$(container_pid web)
    [ "$(cgroup_of "$pid")" = /system.slice/web.service/payload ]
    [ "$(cgroup_of "$pid" name=systemd)" = /system.slice/web.service/payload ]
    systemctl status --no-pager web | grep -q "$pid sh -c"
    status_says web "cgroup mode move"
    journal_has web "cgroup v1: the container goes over in unified, name=systemd;"
    systemd-ctr check | grep -q 'hybrid: unified, name=systemd, .*memory'
    id=$(container_id web)
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    no_leftovers web
    wait_for 5 no_cgroup_named "$id"
}

@test "what is not moved keeps its cgroups: the scope does not end, and docker exec works" {
    container_unit kept -- --rm busybox sh -c "$heeds_term"
    systemctl start kept
    pid=$(container_pid kept)
    scope=docker-$(container_id kept).scope
    # systemd has seen the move when it has answered this.
    systemctl daemon-reload
    for hierarchy in blkio devices memory pids cpu cpuset; do
        [ "$(controller_cgroup_of "$pid" "$hierarchy")" = "/system.slice/$scope" ]
    done
    systemctl is-active "$scope"
    [ "$(docker exec kept echo hello)" = hello ]
    docker stop -t 2 kept
    wait_for 10 unit_is_down kept
    run ! systemctl is-active "$scope"
}

@test "the exit status is the container's" {
    container_unit ends -- --rm busybox sh -c 'exit 7'
    systemctl start ends || true
    wait_for 5 unit_is_down ends
    [ "$(exit_status_of ends)" = 7 ]
    no_leftovers ends
}

@test "300 shells in the first second, in all hierarchies: none is outside the unit" {
    storm storm --cgroups=all
}

@test "device rules are in force after a move of devices" {
    device_rules
}

@test "limits of the container are in force after a move of memory, pids and cpu" {
    limits_carried
}

@test "kill -9 of the wrapper: nothing is left, and the next start works" {
    killed_wrapper
}

@test "--pid=host: all of the container, and nothing else, is moved and ended" {
    pid_of_host
}

@test "adopted after kill -9 of the wrapper: what was executed in it meanwhile comes over, one process keeps the scope" {
    adopted
}

@test "a container of a detached unit can be executed in, and its scope goes with it" {
    detached
}
