#!/usr/bin/env bats
# Images that are not there yet, from a real registry on loopback.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly registry=127.0.0.1:5000

setup_file() {
    cat >/tmp/registry.yml <<'YML'
version: 0.1
storage:
  inmemory: {}
http:
  addr: 127.0.0.1:5000
YML
    systemd-run --quiet --unit=registry /images/docker-registry serve /tmp/registry.yml
    load lib/host
    wait_for 10 curl -fs -o /dev/null http://127.0.0.1:5000/v2/
    docker tag busybox 127.0.0.1:5000/app:1
    docker push -q 127.0.0.1:5000/app:1
    docker rmi 127.0.0.1:5000/app:1
}

teardown_file() {
    systemctl stop registry
}

@test "a missing image is pulled, and the unit says so" {
    container_unit pulls -- --rm "$registry/app:1" sh -c "$heeds_term"
    systemctl start pulls
    [ "$(docker inspect -f '{{.Config.Image}}' pulls)" = "$registry/app:1" ]
    journal_has pulls "pulled $registry/app:1"
    systemctl stop pulls
    systemctl start pulls
    [ "$(unit_journal pulls | grep -c "pulled $registry/app:1")" = 1 ]
}

@test "an image that is there for another platform only is pulled for the one that is asked for" {
    docker rmi -f "$registry/app:1"
    arch=$(docker version -f '{{.Server.Arch}}')
    docker tag busybox "$registry/app:1"
    docker save "$registry/app:1" | tar -x -C "$BATS_TEST_TMPDIR"
    docker rmi "$registry/app:1"
    # `docker import --platform` of 20.10 makes one for the engine's platform all the same.
    grep -rlF "\"architecture\":\"$arch\"" "$BATS_TEST_TMPDIR" |
        xargs sed -i "s/\"architecture\":\"$arch\"/\"architecture\":\"s390x\"/"
    tar -c -C "$BATS_TEST_TMPDIR" . | docker load
    [ "$(docker inspect -f '{{.Architecture}}' "$registry/app:1")" = s390x ]
    container_unit platform -- --rm --platform "linux/$arch" "$registry/app:1" sh -c "$heeds_term"
    systemctl start platform
    journal_has platform "pulled $registry/app:1"
    systemctl stop platform
}

@test "--pull=always asks each time, --pull=never never" {
    container_unit always -- --rm --pull=always "$registry/app:1" sh -c "$heeds_term"
    systemctl start always
    systemctl restart always
    [ "$(unit_journal always | grep -c "pulled $registry/app:1")" = 2 ]
    docker rmi -f "$registry/app:1"
    container_unit never -- --rm --pull=never "$registry/app:1" true
    run ! systemctl start never
    [ "$(exit_status_of never)" = 125 ]
}

@test "what the registry does not have is 125, in the engine's words, with nothing left" {
    container_unit missing -- --rm "$registry/no-such:1" true
    run ! systemctl start missing
    [ "$(exit_status_of missing)" = 125 ]
    wait_for 5 journal_has missing "manifest"
    no_leftovers missing
}

@test "the bare name of an image means its tag latest, and nothing else is pulled" {
    docker tag busybox "$registry/many:latest"
    docker tag busybox "$registry/many:other"
    docker push -q "$registry/many:latest"
    docker push -q "$registry/many:other"
    docker rmi "$registry/many:latest" "$registry/many:other"
    container_unit many -- --rm "$registry/many" sh -c "$heeds_term"
    systemctl start many
    [ "$(docker images -q "$registry/many" --format '{{.Tag}}')" = latest ]
}

@test "while it pulls systemd is told to wait, and why" {
    docker rmi -f "$registry/app:1"
    container_unit patient -- --rm "$registry/app:1" sh -c "$heeds_term"
    systemctl log-level debug
    systemctl start patient
    systemctl log-level info
    journalctl --sync
    journalctl --no-pager -o cat _PID=1 >"$BATS_TEST_TMPDIR/manager"
    grep -q "patient.service: Got notification message.*EXTEND_TIMEOUT_USEC=" "$BATS_TEST_TMPDIR/manager"
    grep -q "patient.service: Got notification message.*STATUS=Pulling $registry/app:1" "$BATS_TEST_TMPDIR/manager"
}

@test "cleanup by hand while it pulls takes nothing away from the start" {
    docker rmi -f "$registry/app:1"
    registry_pid=$(systemctl show --value -p MainPID registry)
    container_unit expected --notify --ready=started -- --rm "$registry/app:1" sh -c "$heeds_term"
    kill -STOP "$registry_pid"
    systemctl start --no-block expected
    wait_for 5 status_says expected Pulling
    run -0 systemd-ctr cleanup expected
    [[ "$output" == *"is being started: nothing is cleaned up"* ]]
    kill -CONT "$registry_pid"
    wait_for 20 unit_property_is expected ActiveState active
    systemctl stop expected
    run -0 systemd-ctr cleanup expected
    [ -z "$output" ]
}

@test "SIGTERM while it pulls: nothing is left" {
    docker rmi -f "$registry/app:1"
    registry_pid=$(systemctl show --value -p MainPID registry)
    container_unit stuck ExecStopPost= -- --rm "$registry/app:1" true
    kill -STOP "$registry_pid"
    systemctl start --no-block stuck
    wait_for 5 status_says stuck Pulling
    systemctl stop stuck
    kill -CONT "$registry_pid"
    [ "$(unit_property stuck Result)" = success ]
    no_leftovers stuck
}
