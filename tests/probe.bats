#!/usr/bin/env bats
# Probes of our own: in the container's network, without a tool in its image.
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

# An image that holds one static binary, which can do nothing but serve HTTP.
import_server() {
    docker image inspect server &>/dev/null && return
    mkdir "$BATS_TEST_TMPDIR/image" "$BATS_TEST_TMPDIR/server"
    tar -C "$BATS_TEST_TMPDIR/image" -xf /images/busybox.tar
    cp "$(find "$BATS_TEST_TMPDIR/image" -type f -name busybox)" "$BATS_TEST_TMPDIR/server/httpd"
    echo hello >"$BATS_TEST_TMPDIR/server/index.html"
    tar -C "$BATS_TEST_TMPDIR/server" -c . |
        docker import -c 'ENTRYPOINT ["/httpd", "-f", "-p", "80", "-h", "/"]' - server
}

# milliseconds_since TIMESTAMP, which is ${EPOCHREALTIME/./}.
milliseconds_since() {
    echo $(((${EPOCHREALTIME/./} - $1) / 1000))
}

@test "http and tcp probes reach 127.0.0.1 of the container, on bridge and none, with nothing in the image" {
    import_server
    for network in bridge none; do
        for probe in http://127.0.0.1/index.html tcp://127.0.0.1:80 http://localhost:80/; do
            container_unit serves --probe=$probe WatchdogSec=2s -- --rm --stop-signal KILL --network $network \
                --health-interval 200ms server
            systemctl start serves
            status_says serves healthy
            [ "$(docker inspect -f '{{.Config.Healthcheck.Test}}' serves)" = "[NONE]" ]
            systemctl stop serves
            no_leftovers serves
        done
    done
}

@test "a service that stops answering ends by the watchdog and comes back anew" {
    import_server
    container_unit stuck --probe=http://127.0.0.1/ WatchdogSec=2s Restart=on-failure RestartSec=100ms -- --rm \
        --network none --health-interval 200ms --health-timeout 500ms --health-retries 2 server
    systemctl start stuck
    first=$(docker inspect -f '{{.Id}}' stuck)
    sleep_through_watchdog 3
    [ "$(unit_property stuck NRestarts)" = 0 ]
    kill -STOP "$(container_pid stuck)"
    wait_for 20 unit_property_is stuck NRestarts 1
    journalctl --no-pager -u stuck.service | grep -q "Failed with result 'watchdog'"
    wait_for 20 unit_property_is stuck ActiveState active
    [ "$(docker inspect -f '{{.Id}}' stuck)" != "$first" ]
}

@test "a port that nobody listens on any more is unhealthy, and STATUS= says why" {
    container_unit port --probe=tcp://127.0.0.1:80 --on-unhealthy=none -- --rm --health-interval 100ms \
        --health-retries 2 busybox sh -c "httpd -p 80; $heeds_term"
    systemctl start port
    docker exec port killall httpd
    wait_for 10 status_says port unhealthy
    status_says port "Connection refused"
    journal_has port "container port is unhealthy: "
    [ "$(unit_property port ActiveState)" = active ]
}

@test "an exec probe runs in the container, and is killed at its timeout" {
    container_unit runs --probe='exec:test -e /tmp/well' -- --rm --health-interval 100ms busybox \
        sh -c "sleep 1; touch /tmp/well; $heeds_term"
    systemctl start runs
    status_says runs healthy
    container_unit hangs --probe='exec:sleep 4321' --on-unhealthy=none --ready=started -- --rm --health-interval 5s \
        --health-timeout 300ms --health-retries 1 busybox sh -c "$heeds_term"
    systemctl start hangs
    wait_for 10 status_says hangs unhealthy
    # Well before the next one.
    wait_for 2 no_process 'sleep 4321'
    status_says hangs unhealthy
}

@test "--on-unhealthy=stop: the container is stopped, and the unit fails with 1" {
    container_unit ends --probe='exec:test ! -e /tmp/sick' --on-unhealthy=stop -- --rm --health-interval 100ms \
        --health-retries 2 busybox sh -c "$heeds_term"
    systemctl start ends
    docker exec ends touch /tmp/sick
    wait_for 10 unit_is_down ends
    [ "$(unit_property ends Result)" = exit-code ]
    [ "$(exit_status_of ends)" = 1 ]
    journal_has ends "is unhealthy: stopping it"
    no_leftovers ends
}

@test "READY=1 waits for the startup probe, and for the check" {
    container_unit slow --startup-probe='exec:test -e /tmp/up' --probe='exec:true' -- --rm --health-interval 100ms \
        --health-start-interval 100ms busybox sh -c "sleep 1; touch /tmp/up; $heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start slow
    (($(milliseconds_since "$before") >= 1000))
    container_unit never ExecStopPost= --startup-probe=tcp://127.0.0.1:81 TimeoutStartSec=3 -- --rm \
        --health-start-interval 100ms busybox sh -c "$heeds_term"
    run ! systemctl start never
    [ "$(unit_property never Result)" = timeout ]
    journal_has never "was not ready; its last probe: connect to 127.0.0.1:81: Connection refused"
    no_leftovers never
}

@test "a check that passes after 2 s, interval 500 ms: the start takes 2.0 to 3.5 s" {
    for check in --probe='exec:test -e /tmp/well' '--health-cmd=test -e /tmp/well'; do
        options=() arguments=(--health-interval 500ms) limit=3500
        # When Docker's own comes, and how long it takes on a busy machine, is Docker's.
        [[ $check == --probe* ]] && options=("$check") || { arguments+=("$check") limit=4500; }
        container_unit waits "${options[@]}" -- --rm "${arguments[@]}" busybox \
            sh -c "sleep 2; touch /tmp/well; $heeds_term"
        before=${EPOCHREALTIME/./}
        systemctl start waits
        took=$(milliseconds_since "$before")
        echo "$check: $took ms"
        ((took >= 2000 && took <= limit))
        systemctl stop waits
    done
}

@test "while the start period runs and probes come back, the start may take longer than TimeoutStartSec=" {
    container_unit patient --probe='exec:test -e /tmp/well' TimeoutStartSec=2 -- --rm --health-interval 500ms \
        --health-timeout 500ms --health-start-period 20s --health-start-interval 200ms busybox \
        sh -c "sleep 4; touch /tmp/well; $heeds_term"
    systemctl start patient
    [ "$(unit_property patient ActiveState)" = active ]
}

@test "a paused container is not unhealthy" {
    # Not tcp: the kernel goes on to take connections for the process, until the backlog is full.
    container_unit rests --probe=http://127.0.0.1/x --cgroup-mode=none WatchdogSec=2s -- --rm \
        --health-interval 200ms --health-timeout 500ms --health-retries 2 busybox \
        sh -c "touch /x; httpd -p 80 -h /; $heeds_term"
    systemctl start rests
    docker pause rests
    # Unhealthy after 1.4 s, and bitten 2 s later, if it were not for the pause.
    sleep_through_watchdog 8
    [ "$(unit_property rests ActiveState)" = active ]
    docker unpause rests
    sleep_through_watchdog 2
    run ! journal_has rests "is unhealthy"
    [ "$(unit_property rests ActiveState)" = active ]
    [ "$(unit_property rests NRestarts)" = 0 ]
    docker exec rests killall httpd
    wait_for 10 unit_is_down rests
    [ "$(unit_property rests Result)" = watchdog ]
}

# systemd itself counts on while a unit is frozen: WatchdogSec= is longer than that takes.
@test "a frozen unit is not unhealthy, whoever runs the check" {
    local timing=(--health-interval 200ms --health-timeout 1s --health-retries 1)
    # Most of the time one is in flight.
    local slow='mkdir /cgi-bin; for line in "#!/bin/sh" "sleep 0.6" "echo Content-Type: text/plain" echo; do echo "$line"
        done >/cgi-bin/slow; chmod +x /cgi-bin/slow'
    container_unit ours --probe=http://127.0.0.1/cgi-bin/slow WatchdogSec=40s -- --rm "${timing[@]}" \
        busybox sh -c "$slow; httpd -p 80 -h /; $heeds_term"
    container_unit dockers WatchdogSec=40s -- --rm "${timing[@]}" \
        --health-cmd 'wget -q -O /dev/null http://127.0.0.1/x' busybox sh -c "touch /x; httpd -p 80 -h /; $heeds_term"
    systemctl start ours dockers
    for _ in 1 2 3; do
        systemctl freeze ours dockers
        # Longer than interval and timeout.
        sleep_through_watchdog 4
        systemctl thaw ours dockers
        sleep_through_watchdog 2
    done
    for unit in ours dockers; do
        run ! journal_has "$unit" "is unhealthy"
        [ "$(unit_property "$unit" ActiveState)" = active ]
    done
    docker exec dockers killall httpd
    wait_for 20 journal_has dockers "is unhealthy"
}

@test "WatchdogSec=1s with an interval of 30 s: not killed" {
    container_unit rare --probe=tcp://127.0.0.1:80 WatchdogSec=1s --ready=started -- --rm \
        --health-interval 30s busybox sh -c "httpd -p 80; $heeds_term"
    systemctl start rare
    sleep_through_watchdog 60
    [ "$(unit_property rare ActiveState)" = active ]
    [ "$(unit_property rare NRestarts)" = 0 ]
}

@test "dockerd stands still: a tcp probe goes on and keeps the unit alive" {
    container_unit calm --probe=tcp://127.0.0.1:80 WatchdogSec=2s -- --rm --health-interval 500ms \
        busybox sh -c "httpd -p 80; $heeds_term"
    systemctl start calm
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    sleep_through_watchdog 60
    state=$(unit_property calm ActiveState) restarts=$(unit_property calm NRestarts)
    kill -CONT "$dockerd"
    [ "$state $restarts" = "active 0" ]
}

@test "wrong probes are refused with a sentence, and nothing is started" {
    while IFS='|' read -r option words; do
        run systemd-ctr "$option" run --name refused busybox true
        [ "$status" = 64 ]
        [[ "$output" == *"$words"* ]] || { echo "$option: $output" && false; }
    done <<'WRONG'
--probe=http://web.example/|neither an address nor localhost
--probe=tcp://127.0.0.1|no port
--probe=ftp://127.0.0.1/|ftp
--startup-probe=exec:'|quote
--reload-cmd="|quote
WRONG
    run ! container_exists refused
}

@test "reload: the signal arrives, or the command runs, and a failing one is told" {
    container_unit hup ExecReload='/bin/kill -HUP $MAINPID' -- --rm busybox \
        sh -c 'trap "echo reloaded" HUP; trap "exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start hup
    systemctl reload hup
    wait_for 5 journal_has hup reloaded
    container_unit usr1 --reload-signal=USR1 ExecReload='/bin/kill -HUP $MAINPID' -- --rm busybox \
        sh -c 'trap "echo got usr1" USR1; trap "exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start usr1
    systemctl reload usr1
    wait_for 5 journal_has usr1 "got usr1"
    container_unit command --reload-cmd='touch /tmp/reloaded' ExecReload='/bin/kill -HUP $MAINPID' -- --rm busybox sh -c "$heeds_term"
    systemctl start command
    systemctl reload command
    wait_for 5 docker exec command test -e /tmp/reloaded
    container_unit fails --reload-cmd='sh -c "echo no such luck; exit 3"' ExecReload='/bin/kill -HUP $MAINPID' -- --rm busybox sh -c "$heeds_term"
    systemctl start fails
    systemctl reload fails
    wait_for 5 journal_has fails "failed with status 3: no such luck"
    wait_for 5 unit_property_is fails ActiveState active
}

@test "Type=notify-reload: systemctl reload returns once the container got its signal" {
    systemctl --version | awk 'NR == 1 { exit int($2) < 253 }' || skip "systemd has no Type=notify-reload before 253"
    container_unit reloads Type=notify-reload -- --rm busybox \
        sh -c 'trap "touch /tmp/reloaded" HUP; trap "exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start reloads
    systemctl reload reloads
    wait_for 2 docker exec reloads test -e /tmp/reloaded
    [ "$(unit_property reloads ActiveState)" = active ]
}
