#!/usr/bin/env bats
# The detached form: a timer of systemd drives the health check and pings the unit's watchdog, as long
# as the unit is active, and no longer.
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly sick_file_check='test ! -e /tmp/sick || { echo feeling sick; exit 1; }'
readonly kept_state=/run/systemd-ctr/containers

# detached_unit NAME [DIRECTIVE=VALUE]... -- DOCKER-RUN-ARGUMENTS
detached_unit() {
    local name=$1
    shift
    container_unit "$name" Type=forking "PIDFile=/run/$name.pid" KillMode=control-group \
        ExecStopPost= --logs=none --rm=false "--pid-file=/run/$name.pid" "$@"
}

checked_unit() {
    local name=$1
    shift
    detached_unit "$name" "$@" -- --health-cmd "$sick_file_check" --health-interval 300ms \
        --health-retries 2 busybox sh -c "$heeds_term"
}

health_of() {
    jq -r "$2" "$kept_state/$1/health.json"
}

health_is() {
    [[ $(health_of "$1" "$2") == "$3" ]]
}

timer_is_active() {
    systemctl is-active --quiet "systemd-ctr-health-$1.timer"
}

# Loaded, failed, or its files: whatever is there of the timer of container NAME.
nothing_of_timer() {
    [[ -z $(systemctl list-units --all --plain --no-legend "systemd-ctr-health-$1*") ]] &&
        [[ -z $(find /run/systemd/transient -name "systemd-ctr-health-$1*") ]] &&
        [[ ! -e $kept_state/$1 ]]
}

@test "the timer runs the check, and keeps the last five results" {
    checked_unit kept
    systemctl start kept
    wait_for 5 timer_is_active kept
    wait_for 20 health_is kept '.Log | length' 5
    [ "$(health_of kept .Status)" = healthy ]
    [ "$(stat -c %a "$kept_state/kept" "$kept_state/kept/health.json")" = $'700\n600' ]
    [ "$(unit_property kept MainPID)" = "$(container_pid kept)" ]
    systemctl stop kept
    wait_for 5 nothing_of_timer kept
}

@test "ten rounds of exits, stops and kills leave neither timer nor service nor a failed unit" {
    checked_unit round WatchdogSec=10s
    for i in {1..10}; do
        systemctl start round
        wait_for 5 timer_is_active round
        wait_for 20 health_is round '.Log | length > 0' true
        case $((i % 5)) in
        0) systemctl stop round ;;
        1) docker stop round ;;
        2) kill -KILL "$(container_pid round)" ;;
        3)
            # In the midst of a check.
            wait_for 10 systemctl kill -s KILL systemd-ctr-health-round.service
            systemctl stop round
            ;;
        4) docker kill round ;;
        esac
        wait_for 10 unit_is_down round
        wait_for 5 nothing_of_timer round
        systemctl reset-failed round 2>/dev/null || true
    done
    run ! systemctl --failed --plain --no-legend --quiet is-failed 'systemd-ctr-health-*'
}

@test "a restart does not meet what the run before left" {
    checked_unit again TimeoutStopSec=20 StartLimitInterval=0
    systemctl start again
    for _ in {1..5}; do
        before=${EPOCHREALTIME/./}
        systemctl restart again
        # A stop that systemd has to end by force takes TimeoutStopSec=.
        (((${EPOCHREALTIME/./} - before) < 15000000))
        wait_for 5 timer_is_active again
        wait_for 5 test -e "$kept_state/again/health.json"
        [ "$(health_of again .Pid)" = "$(container_pid again)" ]
    done
}

# An earlier timer that nobody stopped, and failed services without CollectMode=.
leave_timer() {
    systemd-run --quiet --unit "systemd-ctr-health-$1" --on-active=1h true
}

leave_failed_services() {
    local unit
    for unit in "systemd-ctr-health-$1" "systemd-ctr-health-$1:end"; do
        systemd-run --quiet --unit "$unit" -p Type=exec sh -c 'exit 1' || true
        wait_for 5 systemctl is-failed --quiet "$unit"
    done
}

@test "a start over a leftover timer works, over failed services too" {
    checked_unit over
    for leave in leave_timer leave_failed_services; do
        "$leave" over
        systemctl start over
        wait_for 10 timer_is_active over
        wait_for 20 health_is over '.Log | length > 0' true
        systemctl stop over
        wait_for 5 nothing_of_timer over
    done
}

@test "STATUS= has what the newest check said, as long as it is unhealthy" {
    detached_unit says WatchdogSec=90s -- --health-cmd 'cat /tmp/trouble; test ! -e /tmp/trouble' --health-interval 300ms \
        --health-retries 1 busybox sh -c "$heeds_term"
    systemctl start says
    for trouble in "the disk is full" "the disk is gone"; do
        docker exec says sh -c "echo $trouble >/tmp/trouble"
        wait_for 30 status_says says "$trouble"
    done
}

@test "the watchdog is pinged while it is healthy, and bites when it is not" {
    checked_unit dog WatchdogSec=2s
    systemctl start dog
    sleep_through_watchdog 6
    [ "$(unit_property dog ActiveState)" = active ]
    docker exec dog touch /tmp/sick
    wait_for 10 status_says dog "unhealthy"
    wait_for 10 status_says dog "feeling sick"
    wait_for 15 unit_property_is dog Result watchdog
    docker kill dog
    wait_for 10 unit_is_down dog
    wait_for 5 nothing_of_timer dog
}

@test "the watchdog is pinged in time where the interval is longer, and where there is no check" {
    detached_unit slow WatchdogSec=2s -- --health-cmd true --health-interval 1h busybox \
        sh -c "$heeds_term"
    detached_unit bare WatchdogSec=2s -- busybox sh -c "$heeds_term"
    # The start waits for healthy otherwise.
    sed -i 's/"--logs=none"/& "--ready=started"/' "$unit_folder/slow.service"
    systemctl daemon-reload
    systemctl start slow bare
    sleep_through_watchdog 6
    [ "$(unit_property slow ActiveState)" = active ]
    [ "$(unit_property bare ActiveState)" = active ]
    [ "$(health_of slow '.Log | length')" = 0 ]
    [ "$(health_of bare .Status)" = none ]
    systemctl stop slow bare
    wait_for 5 nothing_of_timer slow
    wait_for 5 nothing_of_timer bare
}

@test "who may not speak for others pings from within the unit's cgroup, with NotifyAccess=all" {
    detached_unit inner WatchdogSec=2s NotifyAccess=all --ready=started -- --health-cmd true \
        --health-interval 1h busybox sh -c "$heeds_term"
    systemctl start inner
    systemctl stop systemd-ctr-health-inner.timer
    # The same without CAP_SYS_ADMIN: that is what lets root name the sender.
    for _ in {1..6}; do
        setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin systemd-ctr healthcheck --if-due inner
        sleep_through_watchdog 1
    done
    [ "$(unit_property inner ActiveState)" = active ]
}

@test "without a check and a watchdog there is no timer, and a stop does not take long either" {
    detached_unit plain -- busybox sh -c "$heeds_term"
    detached_unit off -- --no-healthcheck busybox sh -c "$heeds_term"
    systemctl start plain off
    run ! timer_is_active plain
    run ! timer_is_active off
    before=${EPOCHREALTIME/./}
    systemctl stop plain off
    (((${EPOCHREALTIME/./} - before) < 15000000))
    wait_for 5 nothing_of_timer plain
    wait_for 5 nothing_of_timer off
}

@test "healthcheck runs the check now, prints what it said, and is counted; none is lost" {
    detached_unit now --ready=started -- --health-cmd 'echo two; echo lines; test ! -e /tmp/sick' \
        --health-interval 1h --health-retries 100 busybox sh -c "$heeds_term"
    systemctl start now
    run -0 systemd-ctr healthcheck now
    [ "$output" = $'two\nlines' ]
    [ "$(health_of now .Status)" = healthy ]
    docker exec now touch /tmp/sick
    for _ in {1..8}; do
        systemd-ctr healthcheck now >/dev/null &
    done
    wait
    [ "$(health_of now .FailingStreak)" = 8 ]
    run -1 systemd-ctr healthcheck now
    [ "$(health_of now .FailingStreak)" = 9 ]
}

@test "a check that takes longer than WatchdogSec= does not end the unit, nor does an engine that stands still" {
    detached_unit long WatchdogSec=2s --ready=started -- --health-cmd 'sleep 5' --health-interval 1s \
        --health-timeout 20s --health-retries 3 busybox sh -c "$heeds_term"
    systemctl start long
    wait_for 30 health_is long '.Log | length' 1
    [ "$(unit_property long ActiveState)" = active ]
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    # Longer than a run of the timer waits for the engine.
    sleep_through_watchdog 15
    state=$(unit_property long ActiveState)
    kill -CONT "$dockerd"
    [ "$state" = active ]
    [ "$(unit_property long NRestarts)" = 0 ]
}

@test "a unit that is frozen is not checked, and its check does not get too old" {
    checked_unit ice WatchdogSec=3s
    systemctl start ice
    wait_for 20 health_is ice .Status healthy
    systemctl freeze ice
    sleep_through_watchdog 6
    systemctl thaw ice
    [ "$(unit_property ice ActiveState)" = active ]
    [ "$(health_of ice .Status)" = healthy ]
    [ "$(health_of ice .FailingStreak)" = 0 ]
}

@test "a check that takes too long is killed, and counts" {
    detached_unit late --ready=started -- --health-cmd 'sleep 4321' --health-interval 1h \
        --health-timeout 1s --health-retries 1 busybox sh -c "$heeds_term"
    systemctl start late
    run -1 systemd-ctr healthcheck late
    [[ $output == *"exceeded timeout (1s)"* ]]
    wait_for 5 no_process 'sleep 4321'
    [ "$(health_of late .Status)" = unhealthy ]
    [ "$(health_of late '.Log[-1].ExitCode')" = -1 ]
}

@test "healthcheck of what cannot be checked" {
    run -125 systemd-ctr healthcheck no-such-container
    run -69 systemd-ctr -H unix:///nowhere healthcheck no-such-container
    detached_unit none -- busybox sh -c "$heeds_term"
    systemctl start none
    run -125 systemd-ctr healthcheck none
    [[ $output == *"no health check"* ]]
    run -64 systemd-ctr healthcheck
    run -64 systemd-ctr --if-due status none
}

@test "what was made by docker create is the unit's until its cleanup has ended it" {
    docker create --name lent busybox sh -c "$heeds_term"
    # systemd kills nothing.
    detached_unit lent KillMode=none \
        'ExecStopPost=/usr/bin/systemd-ctr --pid-file=/run/lent.pid cleanup lent' -- busybox true
    systemctl start lent
    [ "$(docker inspect -f '{{.State.Running}}' lent)" = true ]
    systemctl stop lent
    [ "$(docker inspect -f '{{.State.Running}}' lent)" = false ]
    run ! journal_has lent "left alone"
    [ ! -e /run/lent.pid ]
    [ ! -e /run/systemd-ctr/owners/lent ]
    wait_for 5 nothing_of_timer lent
}

@test "a reload of systemd's configuration changes nothing" {
    checked_unit reloaded
    systemctl start reloaded
    wait_for 20 health_is reloaded '.Log | length > 0' true
    systemctl daemon-reload
    ended=$(health_of reloaded .Ended)
    wait_for 20 health_is reloaded ".Ended > $ended" true
    wait_for 20 health_is reloaded ".Ended > $ended" true
    systemctl stop reloaded
    wait_for 5 nothing_of_timer reloaded
}

@test "what a probe says cannot pass for a notice of ours" {
    container_unit forger Type=notify NotifyAccess=all --logs=none --rm=false --ready=started -- \
        --health-cmd 'printf "sick\rERRNO=77\rSTATUS=fine\r"; exit 1' --health-interval 300ms --health-retries 2 \
        busybox sh -c "$heeds_term"
    systemctl start forger
    wait_for 20 status_says forger unhealthy
    status_says forger "sick"
    [ "$(unit_property forger StatusErrno)" = 0 ]
}
