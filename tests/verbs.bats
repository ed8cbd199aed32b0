#!/usr/bin/env bats
# cleanup, status, check.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

@test "cleanup: nothing to do is success, twice" {
    systemd-ctr cleanup no-such-container
    systemd-ctr cleanup no-such-container
}

@test "cleanup leaves alone what is not ours" {
    docker run -d --name stranger busybox sleep 1000
    systemd-ctr cleanup stranger
    [ "$(docker inspect -f '{{.State.Running}}' stranger)" = true ]
}

@test "cleanup by hand does not touch what a unit supervises" {
    container_unit busy -- --rm busybox sh -c "$heeds_term"
    systemctl start busy
    systemd-ctr cleanup busy
    [ "$(unit_property busy ActiveState)" = active ]
    [ "$(docker inspect -f '{{.State.Running}}' busy)" = true ]
}

@test "cleanup ends a running container that nobody supervises any more" {
    container_unit left KillMode=process ExecStopPost= -- --rm busybox sh -c "$heeds_term"
    systemctl start left
    kill -KILL "$(unit_property left MainPID)"
    wait_for 5 unit_is_down left
    [ "$(docker inspect -f '{{.State.Running}}' left)" = true ]
    systemd-ctr cleanup left
    run ! container_exists left
    systemd-ctr cleanup left
}

@test "cleanup --pid-file removes it too" {
    echo 1 >/run/stale.pid
    systemd-ctr --pid-file=/run/stale.pid cleanup no-such-container
    [ ! -e /run/stale.pid ]
}

@test "status tells state, PID, cgroup and mode, for people and for programs" {
    container_unit told -- --rm --health-cmd true --health-interval 200ms busybox sh -c "$heeds_term"
    systemctl start told
    systemd-ctr status told | grep -q running
    systemd-ctr status told --json >"$BATS_TEST_TMPDIR/status"
    [ "$(jq -r .unit "$BATS_TEST_TMPDIR/status")" = told.service ]
    [ "$(jq -r .pid "$BATS_TEST_TMPDIR/status")" = "$(container_pid told)" ]
    [ "$(jq -r .cgroup "$BATS_TEST_TMPDIR/status")" = /system.slice/told.service/payload ]
    [ "$(jq -r .cgroup_mode "$BATS_TEST_TMPDIR/status")" = move ]
    [ "$(jq -r .health "$BATS_TEST_TMPDIR/status")" = healthy ]
    run -1 systemd-ctr status no-such-container
}

@test "check tells what this host offers" {
    systemd-ctr check >"$BATS_TEST_TMPDIR/check"
    grep -q 'engine: Docker' "$BATS_TEST_TMPDIR/check"
    grep -q 'mode move: yes' "$BATS_TEST_TMPDIR/check"
    run -69 systemd-ctr -H unix:///nowhere check
}
