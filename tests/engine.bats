#!/usr/bin/env bats
# An engine that is late, goes away, comes back, or hangs.
# host: live-restore
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

# Docker's units have a limit of starts, and these tests start it more often than a host would.
start_docker() {
    systemctl reset-failed docker.service docker.socket
    systemctl start docker.socket docker.service
}

restart_docker() {
    systemctl reset-failed docker.service docker.socket
    systemctl restart docker.service
}

@test "the start waits for an engine that is not there yet, and says so" {
    systemctl stop docker.service docker.socket
    container_unit waits -- --rm busybox sh -c "$heeds_term"
    systemctl start --no-block waits
    wait_for 5 status_says waits "Waiting for the engine"
    systemctl log-level debug
    wait_for 5 manager_heard waits EXTEND_TIMEOUT_USEC=
    systemctl log-level info
    start_docker
    wait_for 20 unit_property_is waits ActiveState active
}

# manager_heard UNIT TEXT: with the manager's log at debug.
manager_heard() {
    journalctl --sync
    journalctl --no-pager -o cat _PID=1 | grep -q "$1.service: Got notification message.*$2"
}

@test "SIGTERM while waiting for the engine ends it at once, with success" {
    systemctl stop docker.service docker.socket
    container_unit waits -- --rm busybox sh -c "$heeds_term"
    systemctl start --no-block waits
    wait_for 5 status_says waits "Waiting for the engine"
    systemctl stop waits
    [ "$(unit_property waits Result)" = success ]
    start_docker
}

# What is said of a longer start (EXTEND_TIMEOUT_USEC=) holds systemd's watchdog off as well; of one that
# hangs nothing is said at first.
@test "the watchdog of a unit that is not Type=notify runs from the start, and is served from there" {
    dockerd=$(unit_property docker MainPID)
    container_unit early Type=exec WatchdogSec=1s -- --rm busybox sh -c "$heeds_term"
    container_unit off Type=exec WatchdogSec=1s ExecStopPost= --watchdog=off -- --rm busybox sh -c "$heeds_term"
    kill -STOP "$dockerd"
    systemctl start early off
    sleep_through_watchdog 4
    state=$(unit_property early ActiveState) off=$(unit_property off Result)
    kill -CONT "$dockerd"
    [ "$state $off" = "active watchdog" ]
    wait_for 10 status_says early Running
}

@test "--wait-before-notify counts from the container's start, also for the next wrapper" {
    container_unit waits KillMode=process ExecStopPost= --cgroup-mode=move --wait-before-notify=4s -- --rm \
        busybox sh -c "$heeds_term"
    systemctl start --no-block waits
    wait_for 10 status_says waits "PID"
    kill -KILL "$(unit_property waits MainPID)"
    wait_for 5 unit_is_down waits
    systemctl reset-failed waits
    systemctl start waits
    started=$(date -d "$(docker inspect -f '{{.State.StartedAt}}' waits)" +%s%N)
    (($(date +%s%N) - started >= 4000000000))
    journal_has waits "adopt"
}

@test "no engine at all: exit status 69" {
    systemctl stop docker.service docker.socket
    container_unit none --engine-wait=500ms -- --rm busybox true
    run ! systemctl start none
    [ "$(exit_status_of none)" = 69 ]
    start_docker
}

@test "an engine behind tcp:// is as good" {
    systemd-run --quiet --unit=over-tcp systemd-socket-activate -l 127.0.0.1:2375 \
        /lib/systemd/systemd-socket-proxyd /run/docker.sock
    container_unit remote -H tcp://127.0.0.1:2375 -- --rm busybox sh -c "echo over-tcp; $heeds_term"
    wait_for 5 listens_on_2375
    systemctl start remote
    wait_for 5 journal_has remote over-tcp
    [ "$(cgroup_of "$(container_pid remote)")" = /system.slice/remote.service/payload ]
    systemctl stop remote
    [ "$(unit_property remote Result)" = success ]
    systemctl stop over-tcp
    no_leftovers remote
}

listens_on_2375() {
    ss -ltn | grep -q 127.0.0.1:2375
}

# Without --rm: Docker 20.10 takes a container with AutoRemove down when it restarts, live-restore or
# not (26.1 does not).
@test "a restart of dockerd with live-restore: the unit goes on, its exit status is still told" {
    container_unit lives WatchdogSec=2s -- busybox sh -c 'trap "exit 9" USR1; while :; do sleep 1000 & wait; done'
    systemctl start lives
    main=$(unit_property lives MainPID)
    pid=$(container_pid lives)
    restart_docker
    wait_for 10 journal_has lives "the engine is back"
    [ "$(unit_property lives MainPID)" = "$main" ]
    [ "$(container_pid lives)" = "$pid" ]
    docker kill -s USR1 lives
    wait_for 10 unit_is_down lives
    [ "$(exit_status_of lives)" = 9 ]
}

# Docker 17.11 to 22 runs the check no more after that (moby#41871).
@test "a restart of dockerd with live-restore: the health check goes on, whoever runs it" {
    local arguments=(--health-cmd 'test ! -e /tmp/sick' --health-interval 1s --health-timeout 1s --health-retries 2
        busybox sh -c "$heeds_term")
    container_unit checked WatchdogSec=2s -- "${arguments[@]}"
    container_unit adopted WatchdogSec=2s KillMode=process Restart=always RestartSec=100ms ExecStopPost= -- "${arguments[@]}"
    systemctl start checked adopted
    restart_docker
    wait_for 10 journal_has checked "the engine is back"
    wait_for 10 journal_has adopted "the engine is back"
    kill -KILL "$(unit_property adopted MainPID)"
    wait_for 20 journal_has adopted "is adopted"
    wait_for 30 unit_property_is adopted ActiveState active
    # 1 s of interval, 1 s of timeout and 30 s: evidence from before the restart is too old then.
    sleep_through_watchdog 40
    [ "$(unit_property adopted NRestarts)" = 1 ]
    [ "$(unit_property checked ActiveState)" = active ]
    [ "$(unit_property checked NRestarts)" = 0 ]
    status_says checked healthy
    docker exec checked touch /tmp/sick
    wait_for 20 unit_is_down checked
    [ "$(unit_property checked Result)" = watchdog ]
    journal_has checked "container checked is unhealthy"
}

@test "output goes on after a restart of dockerd" {
    container_unit talks -- busybox sh -c 'trap "echo after-restart" USR1; trap "exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start talks
    restart_docker
    wait_for 10 journal_has talks "the engine is back"
    docker kill -s USR1 talks
    wait_for 10 journal_has talks after-restart
}

# The engine attaches nobody to it: nothing is lost of what it writes later. Both on the way back to an engine
# and in an adoption.
@test "a restart of dockerd while the container is paused: its output goes on when it does" {
    container_unit paused --cgroup-mode=none KillMode=process Restart=always RestartSec=100ms ExecStopPost= -- busybox sh -c \
        'trap "echo after-\$n; n=\$((n+1))" USR1; trap "exit 143" TERM; n=0; while :; do sleep 1000 & wait; done'
    systemctl start paused
    docker pause paused
    restart_docker
    wait_for 10 journal_has paused "the engine is back"
    docker unpause paused
    docker kill -s USR1 paused
    wait_for 10 journal_has paused after-0
    docker pause paused
    kill -KILL "$(unit_property paused MainPID)"
    wait_for 20 journal_has paused "is adopted"
    wait_for 10 unit_property_is paused ActiveState active
    docker unpause paused
    docker kill -s USR1 paused
    wait_for 10 journal_has paused after-1
}

@test "dockerd that hangs: the stop signal goes to the process, and the unit stops" {
    container_unit hangs -- --rm busybox sh -c "$heeds_term"
    systemctl start hangs
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    timeout 40 systemctl stop hangs || { kill -CONT "$dockerd" && false; }
    [ -z "$(unit_processes hangs)" ]
    kill -CONT "$dockerd"
    [ "$(unit_property hangs Result)" = success ]
    wait_for 10 no_leftovers hangs
}

@test "dockerd killed while the unit stops: it is the stop that is told, not that the container goes on" {
    container_unit slow -- --rm busybox sh -c 'trap "sleep 3; exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start slow
    systemctl stop --no-block slow
    wait_for 5 status_says slow "Stopping the container"
    kill -KILL "$(unit_property docker MainPID)"
    wait_for 5 journal_has slow "the engine is away"
    status_says slow "Stopping the container"
    run ! journal_has slow "goes on"
    wait_for 20 docker_answers
    wait_for 60 unit_is_down slow
}

# run_elsewhere NAME: the unit's program has a PID namespace of its own, in which others' processes are not
# to be seen.
run_elsewhere() {
    sed -i 's|^ExecStart=|NotifyAccess=all\n&/usr/bin/unshare --pid --fork --kill-child --mount-proc |' \
        "$unit_folder/$1.service"
    systemctl daemon-reload
}

@test "mode none, and the process is not to be seen from here: no PID is told, none is signalled" {
    container_unit far ExecStopPost= --cgroup-mode=none -- --rm --stop-timeout 4 busybox sh -c "$heeds_term"
    run_elsewhere far
    systemctl start far
    status_says far "Running, cgroup mode none"
    journal_has far "container far: cgroup mode none"
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    kill -TERM "$(pgrep -x systemd-ctr)"
    wait_for 40 unit_is_down far || { kill -CONT "$dockerd" && false; }
    kill -CONT "$dockerd"
    run ! journal_has far "PID 0"
}

@test "an engine elsewhere, and not mode none: the container is ended, and what to do is told" {
    container_unit there ExecStopPost= -- --rm busybox sh -c "$heeds_term"
    run_elsewhere there
    systemctl start there || true
    wait_for 20 unit_is_down there
    [ "$(unit_property there Result)" = exit-code ]
    journal_has there "for an engine elsewhere use --cgroup-mode=none"
    wait_for 10 no_leftovers there
}

# Its PID is one that is not known here, as with an engine on another machine.
@test "mode none, and the process is not to be seen from here: --rm=false finds it running and adopts it" {
    local id
    container_unit far ExecStopPost= --cgroup-mode=none -- --rm=false busybox sh -c "$heeds_term"
    run_elsewhere far
    systemctl start far
    id=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' far)
    kill -KILL "$(pgrep -x systemd-ctr)"
    wait_for 10 unit_is_down far
    systemctl reset-failed far
    systemctl start far
    journal_has far "is adopted"
    [ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' far)" = "$id" ]
}

@test "dockerd killed: the unit goes on or ends as failed, and nothing survives its stop" {
    container_unit crash -- --rm busybox sh -c "$heeds_term"
    systemctl start crash
    pid=$(container_pid crash)
    kill -KILL "$(unit_property docker MainPID)"
    wait_for 20 docker_answers
    systemctl stop crash
    [ ! -e "/proc/$pid" ]
    wait_for 10 no_leftovers crash
}

# hang_next_start: runc does it, and does not return; the shim takes it from PATH.
hang_next_start() {
    cat >/usr/local/sbin/runc <<RUNC
#!/bin/sh
$(command -v runc) "\$@" || exit
case " \$* " in
*" start "*) rm /usr/local/sbin/runc && exec sleep 4249 ;;
esac
RUNC
    chmod +x /usr/local/sbin/runc
}

@test "dockerd killed between a start and its reply, and not back: what it started ends with the unit" {
    container_unit lost Type=exec ExecStopPost= --cgroup-mode=move -- --rm busybox sh -c "sleep 4248 & $heeds_term"
    hang_next_start
    systemctl start --no-block lost
    wait_for 10 pgrep -x -f 'sleep 4249'
    wait_for 10 pgrep -x -f 'sleep 4248'
    kill -KILL "$(unit_property docker MainPID)"
    systemctl stop docker.socket docker.service
    wait_for 30 unit_is_down lost
    wait_for 5 nobody_sleeps 4248 || survived=1
    start_docker
    [ -z "${survived:-}" ]
    [ "$(exit_status_of lost)" = 69 ]
}

nobody_sleeps() {
    ! pgrep -x -f "sleep $1"
}

docker_answers() {
    systemctl is-active --quiet docker || start_docker
    docker info &>/dev/null
}

@test "containerd-shim killed: the unit ends as failed" {
    container_unit shim -- --rm busybox sh -c "$heeds_term"
    systemctl start shim
    pid=$(container_pid shim)
    kill -KILL "$(ps -o ppid= -p "$pid")"
    wait_for 30 unit_is_down shim
    [ "$(unit_property shim Result)" = exit-code ]
    [ ! -e "/proc/$pid" ]
    wait_for 10 no_leftovers shim
}

@test "a running container of the unit is adopted, replaced or refused, as --existing says" {
    for existing in adopt replace fail; do
        container_unit left KillMode=process ExecStopPost= "--existing=$existing" -- --rm busybox sh -c "$heeds_term"
        systemctl start left
        first=$(docker inspect -f '{{.Id}}' left)
        kill -KILL "$(unit_property left MainPID)"
        wait_for 5 unit_is_down left
        [ "$(docker inspect -f '{{.State.Running}}' left)" = true ]
        systemctl reset-failed left
        case $existing in
        adopt)
            systemctl start left
            [ "$(docker inspect -f '{{.Id}}' left)" = "$first" ]
            ;;
        replace)
            systemctl start left
            [ "$(docker inspect -f '{{.Id}}' left)" != "$first" ]
            ;;
        fail)
            run ! systemctl start left
            [ "$(exit_status_of left)" = 125 ]
            [ "$(docker inspect -f '{{.Id}}' left)" = "$first" ]
            docker rm -f left
            continue
            ;;
        esac
        [ "$(cgroup_of "$(container_pid left)")" = /system.slice/left.service/payload ]
        systemctl stop left
        [ "$(unit_property left Result)" = success ]
        no_leftovers left
    done
}
