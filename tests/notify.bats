#!/usr/bin/env bats
# --notify: the container speaks to systemd, and what would give it power over the unit is dropped.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly state_folder=/run/systemd-ctr/containers

setup_file() {
    export say=$BATS_FILE_TMPDIR/say manager=$BATS_FILE_TMPDIR/manager
    cc -static -o "$say" "$BATS_TEST_DIRNAME/programs/say.c"
    cc -o "$manager" "$BATS_TEST_DIRNAME/programs/manager.c"
}

# A manager's socket of our own, and a systemd-ctr by hand that tells it; both ended with the test.
own_manager() {
    export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify
    "$manager" "$NOTIFY_SOCKET" >"$BATS_TEST_TMPDIR/told" 3>&- &
    by_hand=($!)
    wait_for 5 test -S "$NOTIFY_SOCKET"
}

by_hand() {
    systemd-ctr "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    by_hand+=($!)
}

teardown() {
    if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
        show_units
        cat "$BATS_TEST_TMPDIR"/{told,out}
    fi
    [[ -z ${by_hand:-} ]] || kill "${by_hand[@]}" || true
    end_units
} 2>/dev/null

told() {
    grep -qxF -- "$1" "$BATS_TEST_TMPDIR/told"
}

@test "of what it says only what is harmless arrives, at a socket of our own" {
    own_manager
    by_hand --notify --cgroup-mode=none -- --rm --name own -v "$say:/say:ro" busybox sh -c '
        /say -f 3 MAINPID=1
        /say -f 1 FDSTORE=1 FDNAME=mine
        /say -b NOTIFYACCESS=all WATCHDOG_USEC=1 X_OTHER=1 STATUS=early
        /say -b STATUS=x MAINPID=1 READY=1
        until [ -e /tmp/go ]; do sleep 0.05; done
        /say RELOADING=1 MONOTONIC_USEC=1234
        /say -b READY=1
        /say -b ERRNO=5 BUSERROR=org.example.Error WATCHDOG=trigger
        /say STOPPING=1
        exit 3'
    wait_for 20 told READY=1
    docker exec own touch /tmp/go
    wait_for 20 told EXIT_STATUS=3
    cat "$BATS_TEST_TMPDIR/told"
    told STATUS=early
    told RELOADING=1\|MONOTONIC_USEC=1234
    told WATCHDOG=trigger\|ERRNO=5\|BUSERROR=org.example.Error
    # The start's, and the reload's.
    [ "$(grep -c '^READY=1' "$BATS_TEST_TMPDIR/told")" -eq 2 ]
    [ "$(grep -o 'STATUS=x' "$BATS_TEST_TMPDIR/told" | wc -l)" -eq 1 ]
    run ! grep -E 'MAINPID|FDSTORE|FDNAME|NOTIFYACCESS|WATCHDOG_USEC|X_OTHER|descriptor' "$BATS_TEST_TMPDIR/told"
}

@test "the same with systemd: start waits for READY=1, the status is the container's, the main PID ours" {
    container_unit says FileDescriptorStoreMax=10 NotifyAccess=all --notify -- --rm -v "$say:/say:ro" busybox sh -c '
        sleep 1
        /say -f 1 FDSTORE=1 MAINPID=1
        /say -f 2 STATUS=x READY=1 MAINPID=1 FDSTORE=1
        '"$heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start says
    (((${EPOCHREALTIME/./} - before) >= 1000000))
    wait_for 5 unit_property_is says StatusText x
    [ "$(unit_property says ActiveState)" = active ]
    [ "$(unit_property says NFileDescriptorStore)" = 0 ]
    [ "$(cat "/proc/$(unit_property says MainPID)/comm")" = systemd-ctr ]
    [ "$(docker exec says sh -c 'echo $NOTIFY_SOCKET $WATCHDOG_USEC $WATCHDOG_PID')" = /run/systemd-ctr-notify/socket ]
    # None of it is a file of ours.
    [ "$(find "/proc/$(unit_property says MainPID)/fd" -lname /dev/null | wc -l)" -le 1 ]
    # An empty one takes it back.
    docker exec says /say STATUS=
    wait_for 5 status_says says Running
    systemctl stop says
    [ "$(unit_property says Result)" = success ]
    no_leftovers says
    [ ! -e "$state_folder/says" ]
}

@test "as another user, with a read-only root, below a tmpfs or a volume at /run" {
    mkdir -p "$BATS_TEST_TMPDIR/run"
    for flags in '--user 1000' --read-only '--tmpfs /run' '--read-only --tmpfs /run --user 1000' \
        "-v $BATS_TEST_TMPDIR/run:/run" '-v /run:/run' --pid=host --userns=host '--cap-drop ALL --security-opt no-new-privileges'; do
        # shellcheck disable=SC2086 # words
        container_unit any --notify -- --rm $flags -v "$say:/say:ro" busybox sh -c \
            "/say -b 'STATUS=by $flags' READY=1 && $heeds_term"
        systemctl start any
        wait_for 5 unit_property_is any StatusText "by $flags"
        run ! docker exec any touch /run/systemd-ctr-notify/x
        systemctl stop any
        no_leftovers any
    done
}

@test "its socket is for the container alone" {
    container_unit mine --notify -- --rm -v "$say:/say:ro" busybox sh -c "/say READY=1 STATUS=mine; $heeds_term"
    systemctl start mine
    wait_for 5 unit_property_is mine StatusText mine
    # Even root of the host, whose process is none of the container's, is not heard.
    NOTIFY_SOCKET=$state_folder/mine/notify/socket "$say" -b STATUS=foreign
    docker exec mine /say -b WATCHDOG=1
    [ "$(unit_property mine StatusText)" = mine ]
    [ "$(stat -c %a "$state_folder/mine")" = 700 ]
    [ "$(stat -c %a "$state_folder/mine/notify")" = 755 ]
    [ "$(stat -c %a "$state_folder/mine/notify/socket")" = 666 ]
}

@test "it is heard before, while and after it is moved, by its exec'd processes too" {
    container_unit moved --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        /say STATUS=early
        /say -n 300 -d 2 STATUS=%d
        /say READY=1; $heeds_term"
    systemctl start moved
    wait_for 5 unit_property_is moved StatusText 299
    [[ "$(cgroup_of "$(container_pid moved)")" == /system.slice/moved.service/payload* ]]
    docker exec moved /say -b STATUS=executed
    wait_for 5 unit_property_is moved StatusText executed

    container_unit stays --cgroup-mode=none --notify -- --rm -v "$say:/say:ro" busybox sh -c "/say READY=1 STATUS=there; $heeds_term"
    systemctl start stays
    wait_for 5 unit_property_is stays StatusText there
}

@test "a container that never says READY=1 lets TimeoutStartSec= fail the start, one that asks for time gets it" {
    container_unit never TimeoutStartSec=2 ExecStopPost= --notify -- --rm -v "$say:/say:ro" busybox sh -c "/say STATUS=warming; $heeds_term"
    run ! systemctl start never
    [ "$(unit_property never Result)" = timeout ]
    no_leftovers never
    [ ! -e "$state_folder/never" ]

    container_unit asks TimeoutStartSec=2 --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        /say EXTEND_TIMEOUT_USEC=10000000; sleep 3; /say READY=1; $heeds_term"
    systemctl start asks
}

@test "READY=1 just before the end counts, and the exit status is the container's" {
    for _ in 1 2 3; do
        container_unit brief --notify -- --rm -v "$say:/say:ro" busybox sh -c '/say READY=1 STATUS=done; exit 3'
        systemctl start brief
        wait_for 10 unit_is_down brief
        [ "$(exit_status_of brief)" = 3 ]
        [ "$(unit_property brief Result)" = exit-code ]
        no_leftovers brief
    done
    # And one that ends without it has not started.
    container_unit silent --notify -- --rm busybox false
    run ! systemctl start silent
    [ "$(exit_status_of silent)" = 1 ]
}

@test "--ready=started and healthy do not wait for its READY=1" {
    container_unit eager --notify --ready=started -- --rm -v "$say:/say:ro" busybox sh -c "/say STATUS=early; $heeds_term"
    systemctl start eager
    wait_for 5 unit_property_is eager StatusText early
    container_unit well --notify --ready=healthy -- --rm -v "$say:/say:ro" --health-cmd 'test -e /tmp/well' \
        --health-interval 200ms busybox sh -c "/say READY=1; sleep 1; touch /tmp/well; $heeds_term"
    before=${EPOCHREALTIME/./}
    systemctl start well
    (((${EPOCHREALTIME/./} - before) >= 1000000))
}

@test "its WATCHDOG=1 keeps the unit alive, and the lack of it ends it" {
    container_unit dog WatchdogSec=1s --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1; echo \"period \$WATCHDOG_USEC\$WATCHDOG_PID\"
        while [ ! -e /tmp/quiet ]; do /say WATCHDOG=1; sleep 0.3; done; $heeds_term"
    systemctl start dog
    wait_for 5 journal_has dog "period 1000000"
    sleep_through_watchdog 3
    [ "$(unit_property dog ActiveState)" = active ]
    docker exec dog touch /tmp/quiet
    wait_for 10 unit_is_down dog
    [ "$(unit_property dog Result)" = watchdog ]
    no_leftovers dog
}

@test "a container that is paused cannot ping, and is not ended for it" {
    container_unit dog WatchdogSec=1s --notify --cgroup-mode=none -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1; while :; do sleep 0.7; /say WATCHDOG=1; done"
    systemctl start dog
    docker pause dog
    sleep_through_watchdog 4
    docker unpause dog
    sleep_through_watchdog 2
    [ "$(unit_property dog ActiveState)" = active ]
    [ "$(unit_property dog NRestarts)" = 0 ]
    docker kill dog
}

@test "nor one that is found paused" {
    container_unit dog WatchdogSec=1s KillMode=process ExecStopPost= --notify --cgroup-mode=none -- --rm \
        -v "$say:/say:ro" busybox sh -c '/say READY=1; while :; do sleep 0.5; /say WATCHDOG=1; done'
    systemctl start dog
    docker pause dog
    kill -KILL "$(unit_property dog MainPID)"
    wait_for 5 unit_is_down dog
    systemctl reset-failed dog
    systemctl start dog
    journal_has dog "is adopted"
    sleep_through_watchdog 3
    docker unpause dog
    sleep_through_watchdog 2
    [ "$(unit_property dog ActiveState)" = active ]
    [ "$(unit_property dog NRestarts)" = 0 ]
    docker kill dog
}

@test "its WATCHDOG=1 does not count while a probe finds it unhealthy" {
    container_unit dog WatchdogSec=1s --notify --probe='exec:test ! -e /tmp/sick' -- --rm -v "$say:/say:ro" \
        --health-interval 200ms --health-retries 2 busybox sh -c '
        trap "exit 143" TERM; /say READY=1; while :; do /say WATCHDOG=1; sleep 0.2; done'
    systemctl start dog
    sleep_through_watchdog 2
    [ "$(unit_property dog ActiveState)" = active ]
    docker exec dog touch /tmp/sick
    wait_for 20 unit_is_down dog
    [ "$(unit_property dog Result)" = watchdog ]
}

@test "--watchdog=running pings for a container that does not, and its own pings are none" {
    container_unit runs WatchdogSec=1s --notify --watchdog=running -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1 STATUS=\"up\$WATCHDOG_USEC\"; $heeds_term"
    systemctl start runs
    sleep_through_watchdog 3
    [ "$(unit_property runs ActiveState)" = active ]
    [ "$(unit_property runs StatusText)" = up ]

    container_unit off WatchdogSec=1s --notify --watchdog=off -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1; while :; do /say WATCHDOG=1; sleep 0.3; done"
    systemctl start off
    # It does not heed TERM.
    wait_for 30 unit_is_down off
    [ "$(unit_property off Result)" = watchdog ]

    container_unit trigger WatchdogSec=30s --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1; /say WATCHDOG=trigger; $heeds_term"
    systemctl start trigger
    wait_for 10 unit_is_down trigger
    [ "$(unit_property trigger Result)" = watchdog ]
}

@test "a container that is adopted is heard again, and need not say READY=1 again" {
    container_unit left WatchdogSec=20s KillMode=process ExecStopPost= --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        /say READY=1 STATUS=first; $heeds_term"
    systemctl start left
    wait_for 5 unit_property_is left StatusText first
    first=$(docker inspect -f '{{.Id}}' left)
    for round in 1 2; do
        kill -KILL "$(unit_property left MainPID)"
        wait_for 5 unit_is_down left
        systemctl reset-failed left
        run ! docker exec left /say STATUS=nobody
        systemctl start left
        [ "$(docker inspect -f '{{.Id}}' left)" = "$first" ]
        docker exec left /say -b "STATUS=again $round"
        wait_for 5 unit_property_is left StatusText "again $round"
    done
    systemctl stop left
    no_leftovers left
    [ ! -e "$state_folder/left" ]
}

@test "one that is adopted before it said READY=1 is waited for" {
    container_unit late KillMode=process ExecStopPost= --notify -- --rm -v "$say:/say:ro" busybox sh -c "
        until [ -e /tmp/go ]; do sleep 0.1; done; /say READY=1; $heeds_term"
    systemctl start --no-block late
    wait_for 10 status_says late "Waiting for the container's READY=1"
    kill -KILL "$(unit_property late MainPID)"
    wait_for 5 unit_is_down late
    systemctl reset-failed late
    systemctl start --no-block late
    wait_for 10 status_says late "Waiting for the container's READY=1"
    [ "$(unit_property late ActiveState)" = activating ]
    docker exec late touch /tmp/go
    wait_for 10 unit_property_is late ActiveState active
}

@test "cleanup takes away what a killed wrapper left, and a new container is not ready for the old one's sake" {
    container_unit shot KillMode=process --rm=false --notify -- -v "$say:/say:ro" busybox sh -c "
        [ -e /started ] || /say READY=1; touch /started; $heeds_term"
    systemctl start shot
    kill -KILL "$(unit_property shot MainPID)"
    wait_for 10 unit_is_down shot
    [ ! -e "$state_folder/shot" ]

    # The same container, started again, says nothing; and its old word is not taken for it.
    printf %s "$(docker inspect -f '{{.Id}}' shot)" >"$BATS_TEST_TMPDIR/ready"
    install -D -m 600 "$BATS_TEST_TMPDIR/ready" "$state_folder/shot/ready"
    systemctl reset-failed shot
    systemctl start --no-block shot
    wait_for 10 status_says shot "Waiting for the container's READY=1"
    [ "$(unit_property shot ActiveState)" = activating ]
    systemctl stop shot
}

@test "a flood neither stops us nor reaches systemd as one" {
    container_unit flood WatchdogSec=2s --notify --watchdog=running -- --rm -v "$say:/say:ro" busybox sh -c '
        /say READY=1
        for i in 1 2 3 4; do /say -n 1000000000 STATUS=%d READY=1 & /say -n 1000000000 RELOADING=1 & done
        trap "exit 143" TERM; wait'
    systemctl start flood
    pid=$(unit_property flood MainPID)
    before=$(cpu_ticks "$pid") manager=$(cpu_ticks 1)
    sleep_through_watchdog 5
    echo "# CPU in 5 s of flood: ours $((($(cpu_ticks "$pid") - before) * 10)) ms, systemd's $((($(cpu_ticks 1) - manager) * 10)) ms" >&3
    (($(cpu_ticks "$pid") - before < 100))
    [[ "$(unit_property flood ActiveState)" == @(active|reloading) ]]
    systemctl stop flood
    [ "$(unit_property flood Result)" = success ]
    no_leftovers flood
}

# cpu_ticks PID: user and system time, in hundredths of a second.
cpu_ticks() {
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

@test "--logs=none --rm=false stays, to listen; -e NOTIFY_SOCKET loses, with a warning" {
    container_unit old --logs=none --rm=false -n -- -e NOTIFY_SOCKET=/elsewhere -v "$say:/say:ro" busybox sh -c "
        /say READY=1 STATUS=up; $heeds_term"
    systemctl start old
    wait_for 5 unit_property_is old StatusText up
    [ "$(cat "/proc/$(unit_property old MainPID)/comm")" = systemd-ctr ]
    wait_for 5 journal_has old "with --notify ours is used"
    # A second by hand does not get at the first one's socket.
    run systemd-ctr --notify --existing=fail -- --name old busybox true
    docker exec old /say -b STATUS=still
    wait_for 5 unit_property_is old StatusText still
    systemctl restart old
    wait_for 5 unit_property_is old StatusText up
}
