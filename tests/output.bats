#!/usr/bin/env bats
# The container's output, byte for byte, and never at the price of the supervision.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

@test "--logs=attach: stdout and stderr are told apart, byte for byte" {
    for stream in StandardOutput StandardError; do
        other=$([ "$stream" = StandardOutput ] && echo StandardError || echo StandardOutput)
        container_unit bytes Type=oneshot "$stream=file:/tmp/bytes.$stream" "$other=null" -- --rm busybox \
            sh -c 'dd if=/dev/zero bs=1000 count=300 2>/dev/null | tr "\0" "\377"; printf "end\0" ; printf "err\0\377" >&2'
        systemctl start bytes
    done
    [ "$(stat -c %s /tmp/bytes.StandardOutput)" = 300004 ]
    [ "$(head -c 300000 /tmp/bytes.StandardOutput | tr -d '\377' | wc -c)" = 0 ]
    [ "$(tail -c 4 /tmp/bytes.StandardOutput | od -An -c | tr -d ' ')" = 'end\0' ]
    [ "$(tail -c 5 /tmp/bytes.StandardError | od -An -tx1 | tr -d ' ')" = 65727200ff ]
}

@test "a terminal's raw output passes" {
    container_unit tty Type=oneshot StandardOutput=file:/tmp/tty.out -- --rm -t busybox sh -c 'test -t 1 && echo is-a-tty'
    systemctl start tty
    [ "$(tr -d '\r' </tmp/tty.out)" = is-a-tty ]
}

@test "--logs=journald: the engine writes, journalctl -u shows it, nothing passes through us" {
    container_unit journal --logs=journald -- --rm busybox sh -c "echo by-the-engine; echo wrong >&2; $heeds_term"
    systemctl start journal
    wait_for 5 journal_has journal by-the-engine
    wait_for 5 journal_has journal wrong
    journalctl --no-pager -u journal.service -p err -o cat | grep -qx wrong
    journalctl --no-pager -o json OBJECT_SYSTEMD_UNIT=journal.service | jq -r ._COMM | grep -qx dockerd
}

@test "--logs=none: nothing is shown, and it is supervised all the same" {
    container_unit quiet --logs=none -- --rm busybox sh -c 'echo hidden; exit 5'
    systemctl start quiet || true
    wait_for 5 unit_is_down quiet
    [ "$(exit_status_of quiet)" = 5 ]
    run ! journal_has quiet hidden
}

@test "a reader that blocks: the watchdog is pinged, memory is bounded, and stop works" {
    mkfifo /tmp/blocked
    # A reader that opens, and never reads.
    exec 8<>/tmp/blocked
    container_unit blocked WatchdogSec=1s StandardOutput=file:/tmp/blocked -- --rm --stop-signal KILL busybox \
        sh -c 'while :; do echo 0123456789012345678901234567890123456789; done'
    container_unit idle -- --rm busybox sh -c "$heeds_term"
    systemctl start blocked idle
    main=$(unit_property blocked MainPID)
    wait_for 10 is_blocked_container blocked
    sleep_through_watchdog 3
    [ "$(unit_property blocked NRestarts)" = 0 ]
    [ "$(unit_property blocked MainPID)" = "$main" ]
    (($(private_memory "$main") < $(private_memory "$(unit_property idle MainPID)") + 2048))
    before=${EPOCHREALTIME/./}
    systemctl stop blocked
    (((${EPOCHREALTIME/./} - before) < 15000000))
    no_leftovers blocked
    exec 8>&-
    rm /tmp/blocked
}

# private_memory PID: of its own, in KiB.
private_memory() {
    sed -n 's/^Private_Dirty:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/smaps_rollup"
}

# The container's shell waits in write(2) to its pipe.
is_blocked_container() {
    grep -q pipe_write "/proc/$(container_pid "$1")/stack" 2>/dev/null ||
        [ "$(ps -o stat= -p "$(container_pid "$1")" | cut -c1)" = S ]
}

@test "the last lines before the end are in the journal" {
    container_unit last -- --rm busybox sh -c 'i=0; while [ $i -lt 2000 ]; do echo line-$i; i=$((i+1)); done; echo the-very-last; exit 1'
    systemctl start last || true
    wait_for 10 unit_is_down last
    wait_for 10 journal_has last the-very-last
    [ "$(unit_journal last | grep -c '^line-')" = 2000 ]
}

@test "with stdin, stdout and stderr closed nothing of ours is written to" {
    run -3 bash -c "exec systemd-ctr run --rm --name closed busybox sh -c 'echo hi; echo ho >&2; exit 3' <&- >&- 2>&-"
    [ -z "$output" ]
    no_leftovers closed
}
