#!/usr/bin/env bats
# How it ends: the container's exit status is the unit's.
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

@test "container exit codes are the unit's ExecMainStatus" {
    for code in 0 1 7 42 137 143 255; do
        container_unit "exits-$code" -- --rm busybox sh -c "exit $code"
        systemctl start "exits-$code" || true
        wait_for 10 unit_is_down "exits-$code"
        [ "$(exit_status_of "exits-$code")" = "$code" ]
        if [ "$code" = 0 ]; then
            [ "$(unit_property "exits-$code" Result)" = success ]
        else
            [ "$(unit_property "exits-$code" Result)" = exit-code ]
        fi
        no_leftovers "exits-$code"
    done
}

@test "all 256 exit codes" {
    write_unit code@ <<'UNIT'
[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
Delegate=yes
ExecStart=/usr/bin/systemd-ctr run --rm --network none --name code-%i busybox sh -c 'exit %i'
UNIT
    for first in $(seq 0 16 240); do
        units=()
        for code in $(seq "$first" $((first + 15))); do
            units+=("code@$code")
        done
        systemctl start "${units[@]}" || true
        for code in $(seq "$first" $((first + 15))); do
            wait_for 30 unit_is_down "code@$code"
            [ "$(exit_status_of "code@$code")" = "$code" ]
        done
    done
}

@test "Restart=on-failure restarts on 7, not on 0" {
    for code in 7 0; do
        container_unit "restarts-$code" Restart=on-failure RestartSec=100ms StartLimitBurst=3 -- --rm busybox sh -c "exit $code"
        systemctl start "restarts-$code" || true
    done
    wait_for 20 unit_property_is restarts-7 Result exit-code
    wait_for 20 unit_is_down restarts-7
    [ "$(unit_property restarts-7 NRestarts)" -ge 2 ]
    [ "$(unit_property restarts-0 NRestarts)" = 0 ]
    [ "$(unit_property restarts-0 Result)" = success ]
}

# As units have it that ran nginx or httpd under docker run, which passes all signals on.
@test "KillSignal=SIGQUIT stops the container in its own way, SIGWINCH is passed on to it" {
    container_unit quits KillSignal=SIGQUIT -- --rm busybox sh -c "$heeds_term"
    systemctl start quits
    wait_for 10 container_catches quits TERM
    systemctl stop quits
    [ "$(unit_property quits Result)" = success ]
    wait_for 5 journal_has quits "exited with status 143"
    no_leftovers quits

    container_unit graceful KillSignal=SIGWINCH -- --rm busybox sh -c \
        'trap "echo got it; exit 0" WINCH; while :; do sleep 1000 & wait; done'
    systemctl start graceful
    wait_for 10 container_catches graceful WINCH
    systemctl stop graceful
    wait_for 5 journal_has graceful "got it"
    [ "$(unit_property graceful Result)" = success ]
}

@test "a terminal that is resized tells the container nothing" {
    # The transcript begins with the command line itself: what is looked for is not in that.
    local program='trap "echo size-\$((40+2))" WINCH; trap "echo user-\$((40+2)); exit 3" USR1; while :; do sleep 1000 & wait; done'
    script -qec "systemd-ctr run --rm --name window busybox sh -c ${program@Q}" \
        "$BATS_TEST_TMPDIR/typescript" >/dev/null 3>&- &
    wait_for 10 container_catches window USR1
    stty -F "$(readlink "/proc/$(pgrep -x systemd-ctr)/fd/0")" rows 33 cols 77
    docker kill -s USR1 window
    wait_for 10 grep -q user-42 "$BATS_TEST_TMPDIR/typescript"
    run ! grep size-42 "$BATS_TEST_TMPDIR/typescript"
}

@test "a container that does not heed the stop signal is killed after its stop timeout" {
    container_unit stubborn -- --rm --stop-timeout 1 busybox sh -c 'trap "" TERM; while :; do sleep 1000; done'
    systemctl start stubborn
    systemctl stop stubborn
    [ "$(exit_status_of stubborn)" = 137 ]
    no_leftovers stubborn
}

@test "the stop signal is the container's own" {
    container_unit quits -- --rm --stop-signal QUIT busybox sh -c 'trap "echo got-quit; exit 131" QUIT; while :; do sleep 1000 & wait; done'
    systemctl start quits
    systemctl stop quits
    wait_for 5 journal_has quits got-quit
    [ "$(exit_status_of quits)" = 0 ]
    [ "$(unit_property quits Result)" = success ]
}

@test "docker stop ends the unit with success, docker kill as failed" {
    container_unit stopped -- --rm busybox sh -c "$heeds_term"
    systemctl start stopped
    docker stop stopped
    wait_for 10 unit_is_down stopped
    [ "$(unit_property stopped Result)" = success ]
    container_unit killed -- --rm busybox sh -c "$heeds_term"
    systemctl start killed
    docker kill killed
    wait_for 10 unit_is_down killed
    [ "$(exit_status_of killed)" = 137 ]
    [ "$(unit_property killed Result)" = exit-code ]
    no_leftovers killed
}

# docker stop -t tells nobody how long it waits.
@test "docker stop that takes longer than the container's own time is a stop as well" {
    container_unit late -- --rm --stop-timeout 1 busybox sh -c \
        'trap "sleep 8; exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start late
    wait_for 5 container_catches late TERM
    docker stop -t 60 late
    wait_for 10 unit_is_down late
    [ "$(unit_property late Result)" = success ]
}

@test "a first process that is killed from outside ends the unit as failed" {
    container_unit shot -- --rm busybox sh -c "$heeds_term"
    systemctl start shot
    kill -KILL "$(container_pid shot)"
    wait_for 10 unit_is_down shot
    [ "$(exit_status_of shot)" = 137 ]
    no_leftovers shot
}

@test "a command that is not there is 127, one that cannot be run 126, as with docker run" {
    container_unit nothing -- --rm busybox /no/such/command
    run ! systemctl start nothing
    [ "$(exit_status_of nothing)" = 127 ]
    no_leftovers nothing
    container_unit folder -- --rm busybox /etc
    run ! systemctl start folder
    [ "$(exit_status_of folder)" = 126 ]
    no_leftovers folder
}

@test "what the engine refuses is 125, in its own words" {
    container_unit refused -- --rm -v relative/../path:/x busybox true
    run ! systemctl start refused
    [ "$(exit_status_of refused)" = 125 ]
    wait_for 5 journal_has refused "relative/../path"
    no_leftovers refused
}

@test "a name that a stranger's running container has is refused, and the stranger left alone" {
    docker run -d --name taken busybox sleep 1000
    id=$(docker inspect -f '{{.Id}}' taken)
    container_unit taken -- --rm busybox true
    run ! systemctl start taken
    [ "$(exit_status_of taken)" = 125 ]
    wait_for 5 journal_has taken "that systemd-ctr did not start"
    [ "$(docker inspect -f '{{.Id}} {{.State.Running}}' taken)" = "$id true" ]
}

@test "a name that another unit's running container has is refused, and the unit named" {
    container_unit first -- --rm --name shared busybox sh -c "$heeds_term"
    container_unit second -- --rm --name shared busybox sh -c "$heeds_term"
    systemctl start first
    id=$(docker inspect -f '{{.Id}}' shared)
    run ! systemctl start second
    [ "$(exit_status_of second)" = 125 ]
    wait_for 5 journal_has second "first.service"
    [ "$(docker inspect -f '{{.Id}} {{.State.Running}}' shared)" = "$id true" ]
    [ "$(unit_property first ActiveState)" = active ]
}

@test "an image that is not there and not to be pulled is 125" {
    container_unit imageless -- --rm --pull=never no-such-image true
    run ! systemctl start imageless
    [ "$(exit_status_of imageless)" = 125 ]
    wait_for 5 journal_has imageless "no-such-image"
    no_leftovers imageless
}

@test "SIGTERM at any moment of a start leaves nothing, and the next start works" {
    # KILL: a shell that has not come to its trap would let TERM pass by. No ExecStopPost=: it is the
    # program itself that leaves nothing.
    container_unit early ExecStopPost= StartLimitInterval=0 -- --rm --stop-signal KILL busybox sh -c "$heeds_term"
    for ms in $(seq 0 20 400); do
        systemctl start --no-block early
        wait_for 5 unit_has_main_process early
        # Not a wait for something: the moment is what the test is about.
        perl -e "select(undef, undef, undef, $ms / 1000)"
        systemctl stop early
        [ "$(unit_property early Result)" = success ]
        no_leftovers early
        systemctl start early
        [ "$(unit_property early ActiveState)" = active ]
        systemctl stop early
        no_leftovers early
    done
}

unit_has_main_process() {
    [ "$(unit_property "$1" MainPID)" != 0 ]
}

@test "kill -9 of the wrapper, 8 times: the container is gone, the next start works" {
    container_unit orphan -- --rm busybox sh -c "$heeds_term"
    for _ in 1 2 3 4 5 6 7 8; do
        systemctl start orphan
        kill -KILL "$(unit_property orphan MainPID)"
        wait_for 5 no_leftovers orphan
        systemctl reset-failed orphan
    done
    systemctl start orphan
    [ "$(unit_property orphan ActiveState)" = active ]
}

@test "kill -9 of the wrapper without ExecStopPost= leaves no process either" {
    container_unit bare ExecStopPost= -- --rm busybox sh -c "$heeds_term"
    systemctl start bare
    kill -KILL "$(unit_property bare MainPID)"
    wait_for 5 no_leftovers bare
}

@test "kill -9 of the wrapper with --cgroup-mode=none: nothing outlives the unit" {
    container_unit aside --cgroup-mode=none -- --rm busybox sh -c "$heeds_term"
    systemctl start aside
    pid=$(container_pid aside)
    kill -KILL "$(unit_property aside MainPID)"
    wait_for 5 no_leftovers aside
    [ ! -e "/proc/$pid" ]
    systemctl reset-failed aside
    systemctl start aside
}

@test "a name that is the beginning of a stranger's ID is free" {
    stranger=$(docker create busybox true)
    container_unit "${stranger:0:4}" -- --rm busybox sh -c "$heeds_term"
    systemctl start "${stranger:0:4}"
    docker container inspect "$stranger" >/dev/null
    systemctl stop "${stranger:0:4}"
    docker container inspect "$stranger" >/dev/null
    systemd-ctr cleanup "${stranger:0:4}"
    docker container inspect "$stranger" >/dev/null
    run -1 systemd-ctr status "${stranger:0:4}"
}

@test "the anonymous volumes of a stopped container outlive it, those of --rm do not" {
    container_unit volumes -- -v /data busybox sh -c "$heeds_term"
    for _ in 1 2; do
        systemctl start volumes
        systemctl stop volumes
    done
    [ "$(docker volume ls -q | wc -l)" = 2 ]
    docker volume prune -f >/dev/null
    container_unit tidy -- --rm -v /data busybox sh -c "$heeds_term"
    systemctl start tidy
    systemctl stop tidy
    [ "$(docker volume ls -q | wc -l)" -le 1 ]
}

@test "a restart of dockerd is no stop that was asked for: Restart=on-failure brings it back" {
    container_unit back Restart=on-failure RestartSec=100ms -- busybox sh -c "$heeds_term"
    systemctl start back
    systemctl restart docker
    wait_for 30 unit_property_is back NRestarts 1
    wait_for 30 unit_property_is back ActiveState active
}
