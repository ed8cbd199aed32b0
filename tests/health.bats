#!/usr/bin/env bats
# Ready when the container is healthy; the watchdog believes Docker's health check.
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly sick_file_check='test ! -e /tmp/sick && test -e /tmp/well'

@test "READY=1 waits for healthy" {
    container_unit slow -- --rm --health-cmd 'test -e /tmp/well' --health-interval 200ms busybox \
        sh -c "sleep 1; touch /tmp/well; $heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start slow
    (((${EPOCHREALTIME/./} - before) >= 1000000))
    [ "$(docker inspect -f '{{.State.Health.Status}}' slow)" = healthy ]
    [[ "$(unit_property slow StatusText)" == *healthy* ]]
}

@test "--ready=started does not wait for the check" {
    container_unit eager --ready=started -- --rm --health-cmd false --health-interval 1h busybox sh -c "$heeds_term"
    systemctl start eager
    [ "$(docker inspect -f '{{.State.Health.Status}}' eager)" = starting ]
}

@test "--ready=healthy without a check is refused, and nothing is left" {
    container_unit unchecked ExecStopPost= --ready=healthy -- --rm busybox sh -c "$heeds_term"
    run ! systemctl start unchecked
    [ "$(exit_status_of unchecked)" = 125 ]
    wait_for 5 journal_has unchecked "health check"
    no_leftovers unchecked
}

@test "a check that never passes lets TimeoutStartSec= fail the start, and nothing is left" {
    container_unit never ExecStopPost= TimeoutStartSec=3 -- --rm --health-cmd false --health-interval 200ms busybox sh -c "$heeds_term"
    run ! systemctl start never
    [ "$(unit_property never Result)" = timeout ]
    no_leftovers never
}

@test "--wait-before-notify: the container must have lived that long" {
    container_unit waits --wait-before-notify=1s500ms -- --rm busybox sh -c "$heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start waits
    (((${EPOCHREALTIME/./} - before) >= 1500000))
    container_unit dies --wait-before-notify=5s -- --rm busybox sh -c 'sleep 0.3; exit 4'
    run ! systemctl start dies
    [ "$(exit_status_of dies)" = 4 ]
}

@test "the watchdog pings while it is healthy; unhealthy ends by watchdog and comes back" {
    container_unit dog WatchdogSec=1s Restart=on-failure RestartSec=100ms -- --rm -v "$BATS_TEST_TMPDIR:/told" \
        --health-cmd "$sick_file_check" --health-interval 200ms --health-retries 2 busybox \
        sh -c 'touch /tmp/well; trap "touch /told/to-stop; exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start dog
    first=$(docker inspect -f '{{.Id}}' dog)
    # Three times the watchdog's time: it would have bitten.
    sleep_through_watchdog 3
    [ "$(unit_property dog NRestarts)" = 0 ]
    docker exec dog touch /tmp/sick
    wait_for 20 unit_property_is dog NRestarts 1
    journalctl --no-pager -u dog.service | grep -q "Failed with result 'watchdog'"
    # It had its stop signal, and the time to heed it.
    [ -e "$BATS_TEST_TMPDIR/to-stop" ]
    wait_for 20 unit_property_is dog ActiveState active
    [ "$(docker inspect -f '{{.Id}}' dog)" != "$first" ]
}

@test "without a check the watchdog pings while the process lives" {
    container_unit plain WatchdogSec=1s -- --rm busybox sh -c "$heeds_term"
    systemctl start plain
    sleep_through_watchdog 3
    [ "$(unit_property plain ActiveState)" = active ]
    [ "$(unit_property plain NRestarts)" = 0 ]
}

@test "--on-unhealthy=trigger acts at once, none only tells" {
    for action in trigger none; do
        container_unit "acts-$action" WatchdogSec=30s "--on-unhealthy=$action" -- --rm \
            --health-cmd "$sick_file_check" --health-interval 200ms --health-retries 1 busybox \
            sh -c "touch /tmp/well; $heeds_term"
        systemctl start "acts-$action"
        docker exec "acts-$action" touch /tmp/sick
    done
    wait_for 10 unit_is_down acts-trigger
    [ "$(unit_property acts-trigger Result)" = watchdog ]
    wait_for 10 status_says acts-none unhealthy
    [ "$(unit_property acts-none ActiveState)" = active ]
}

@test "STATUS= has what the failing probe said" {
    container_unit says -- --rm --health-cmd 'test -e /tmp/well || { echo the disk is full; exit 1; }' \
        --health-interval 200ms --health-retries 1 busybox sh -c "touch /tmp/well; $heeds_term"
    systemctl start says
    docker exec says rm /tmp/well
    wait_for 10 status_says says "the disk is full"
}

@test "STATUS= has what the newest probe said, as long as it is unhealthy" {
    local check='cat /tmp/trouble; test ! -e /tmp/trouble'
    container_unit docker-says --on-unhealthy=none -- --rm --health-cmd "$check" --health-interval 200ms \
        --health-retries 1 busybox sh -c "$heeds_term"
    container_unit probe-says --on-unhealthy=none "--probe=exec:sh -c '$check'" -- --rm --health-interval 200ms \
        --health-retries 1 busybox sh -c "$heeds_term"
    for unit in docker-says probe-says; do
        systemctl start "$unit"
        for trouble in "the disk is full" "the disk is gone"; do
            docker exec "$unit" sh -c "echo $trouble >/tmp/trouble"
            wait_for 20 status_says "$unit" "$trouble"
        done
    done
}

@test "Docker's own check: while dockerd stands still its evidence gets too old, and the unit ends by the watchdog" {
    container_unit aged WatchdogSec=3s Restart=always RestartSec=100ms -- --rm --health-cmd true \
        --health-interval 1s --health-timeout 1s busybox sh -c "$heeds_term"
    systemctl start aged
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    # 1 s of interval, 1 s of timeout and 30 s: until then it is believed.
    sleep_through_watchdog 25
    restarts=$(unit_property aged NRestarts)
    wait_for 40 journal_has aged "Failed with result 'watchdog'" || true
    kill -CONT "$dockerd"
    [ "$restarts" = 0 ]
    journal_has aged "Failed with result 'watchdog'"
    wait_for 30 unit_property_is aged ActiveState active
    [ "$(unit_property aged NRestarts)" -ge 1 ]
}

@test "in the start period Docker's check passes sooner than its interval, on an engine without a start interval too" {
    container_unit early -- --rm --health-cmd 'test -e /tmp/well' --health-interval 20s --health-start-period 30s \
        --health-start-interval 200ms busybox sh -c "sleep 1; touch /tmp/well; $heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start early
    (((${EPOCHREALTIME/./} - before) < 10000000))
    status_says early healthy
}

@test "the same for one that replaces another" {
    container_unit soon KillMode=process ExecStopPost= --existing=replace -- --rm --health-cmd true \
        --health-interval 30s --health-start-period 30s --health-start-interval 500ms busybox sh -c "$heeds_term"
    systemctl start soon
    kill -KILL "$(unit_property soon MainPID)"
    wait_for 5 unit_is_down soon
    systemctl reset-failed soon
    before=${EPOCHREALTIME/./}
    systemctl start soon
    (((${EPOCHREALTIME/./} - before) < 10000000))
    journal_has soon "is replaced"
}
