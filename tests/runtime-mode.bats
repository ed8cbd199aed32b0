#!/usr/bin/env bats
# An engine with systemd's driver that systemd-ctr-runtime is registered with: containers are born in
# their units (mode runtime).
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container
load lib/born

setup_file() {
    systemd-ctr setup-runtime
}

@test "check says that auto takes mode runtime" {
    run systemd-ctr check
    [[ "$output" == *"mode runtime: yes, and auto takes it"* ]]
    [[ "$output" == *"mode parent: no: needs an engine with the cgroupfs driver"* ]]
}

@test "auto is runtime: born in the unit, and 3 restarts do not nest" {
    is_born runtime "systemd-ctr-runtime is registered with the engine"
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

@test "300 shells in the first second: none is ever outside the unit" {
    container_unit storm -- --rm busybox sh -c \
        'i=0; while [ $i -lt 300 ]; do sh -c : & i=$((i+1)); done; trap "exit 143" TERM; wait; sleep 1000 & wait'
    for _ in 1 2 3; do
        systemctl start storm
        [ -z "$(processes_outside storm "$(container_pid storm)")" ]
        systemctl stop storm
    done
    no_leftovers storm
}

@test "a run line with a --runtime of its own is moved, without Delegate=yes too" {
    container_unit own -- --rm --runtime=runc busybox sh -c "$heeds_term"
    systemctl start own
    status_says own "cgroup mode move"
    journal_has own "the run line asks for a --runtime of its own"
    container_unit plain Delegate=no -- --rm busybox sh -c "$heeds_term"
    systemctl start plain
    status_says plain "cgroup mode move"
}

@test "--cgroup-mode=runtime that is not registered is refused, with what to do" {
    systemd-ctr setup-runtime --remove
    container_unit never --cgroup-mode=runtime -- --rm busybox true
    run systemctl start never
    systemd-ctr setup-runtime
    [ "$status" != 0 ]
    [ "$(exit_status_of never)" = 125 ]
    wait_for 5 journal_has never "systemd-ctr-runtime is not registered with the engine: systemd-ctr setup-runtime does it"
    run ! container_exists never
}
