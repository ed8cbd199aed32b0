#!/usr/bin/env bats
# An engine with the cgroupfs driver: its cgroups are no scopes of systemd's, and nobody but us removes
# them.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154
# host: cgroupfs

load lib/host
load lib/container

@test "it is moved with its device filter, and stops" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    id=$(docker inspect -f '{{.Id}}' web)
    [ "$(cgroup_of "$(container_pid web)")" = /system.slice/web.service/payload ]
    container_unit inside Type=oneshot -- --rm busybox sh -c 'sleep 1; mknod /tmp/f c 10 229; : </tmp/f && echo opened'
    systemctl start inside || true
    wait_for 5 journal_has inside "Operation not permitted"
    run ! journal_has inside opened
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    no_leftovers web
    [ -z "$(find /sys/fs/cgroup -name "*$id*")" ]
}
