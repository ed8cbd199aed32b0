#!/usr/bin/env bats
# host: none
# The rig itself, seen from the machine: hosts side by side, and nothing left of them.

host() {
    "$BATS_TEST_DIRNAME/host/host" "$@"
}

boot() {
    host boot "$1" --root "$HOST_ROOT" "${@:2}"
}

setup() {
    one=$HOST_NAME-one
    two=$HOST_NAME-two
}

teardown() {
    host end "$one"
    host end "$two"
}

# of_host NAME: what the machine still holds of a host. (The group of a zombie, which PID 1 of the
# machine has yet to reap, shows as deleted.)
of_host() {
    grep -F "/run/systemd-ctr-tests/$1" /proc/mounts || true
    grep -l "/systemd-ctr-tests-$1/.*[^)]$" /proc/[0-9]*/cgroup 2>/dev/null || true
    find /run/systemd-ctr-tests/"$1" 2>/dev/null || true
}

@test "two hosts run side by side and do not see each other" {
    boot "$one"
    boot "$two" --cgroup-driver cgroupfs --live-restore
    host exec "$one" docker run -d --name only-in-one busybox sleep 600
    host exec "$one" touch /tmp/one /etc/one
    run host exec "$two" docker ps -aq
    [ "$status" -eq 0 ] && [ -z "$output" ]
    run host exec "$two" ls /tmp/one /etc/one
    [ "$status" -ne 0 ]
    run host exec "$two" pgrep -f 'sleep 600'
    [ "$status" -eq 1 ]
    [ "$(host exec "$one" hostname) $(host exec "$two" hostname)" = "$one $two" ]
    run host exec "$two" docker info -f '{{.CgroupDriver}} {{.LiveRestoreEnabled}}'
    [ "$output" = "cgroupfs true" ]
    [ ! -e /etc/one ] && [ ! -e /tmp/one ]
}

@test "the shared folder is seen from both sides, exit status and stdin pass through exec" {
    boot "$one"
    echo hello | host exec "$one" tee /shared/greeting
    [ "$(cat "/run/systemd-ctr-tests/$one/shared/greeting")" = hello ]
    run host exec "$one" sh -c 'exit 42'
    [ "$status" -eq 42 ]
}

@test "a host mounts nothing on the machine but its state" {
    grep -v " /run/systemd-ctr-tests/" /proc/mounts >"$BATS_TEST_TMPDIR/before"
    boot "$one"
    host exec "$one" docker run --rm -v /shared:/shared busybox true
    diff "$BATS_TEST_TMPDIR/before" <(grep -v " /run/systemd-ctr-tests/" /proc/mounts)
    host end "$one"
    diff "$BATS_TEST_TMPDIR/before" <(grep -v " /run/systemd-ctr-tests/" /proc/mounts)
}

@test "of an ended host nothing is left, with containers running in it" {
    boot "$one"
    host exec "$one" docker run -d busybox sleep 600
    [ -n "$(of_host "$one")" ]
    host end "$one"
    [ -z "$(of_host "$one")" ]
    host end "$one"
}

@test "a boot killed half way leaves nothing that the next boot cannot clear" {
    for wait in 0.05 0.15 0.3 0.5; do
        timeout -s KILL "$wait" "$BATS_TEST_DIRNAME/host/host" boot "$one" --root "$HOST_ROOT" || true
    done
    boot "$one"
    [ "$(host exec "$one" systemctl is-system-running)" = running ]
    host end "$one"
    [ -z "$(of_host "$one")" ]
}
