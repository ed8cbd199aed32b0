#!/usr/bin/env bats
# The main path: a unit starts a container, systemd supervises it, and it stops.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

@test "systemctl start returns with the container in the unit, and systemctl stop leaves nothing" {
    container_unit web ExecStopPost= -- --rm busybox sh -c "echo to-stdout; echo to-stderr >&2; $heeds_term"
    systemctl start web
    pid=$(container_pid web)
    [ "$(cgroup_of "$pid")" = /system.slice/web.service/payload ]
    main=$(unit_property web MainPID)
    [ "$(cat "/proc/$main/comm")" = systemd-ctr ]
    [ "$(cgroup_of "$main")" = /system.slice/web.service/supervisor ]
    [ -n "$(unit_property web StatusText)" ]
    wait_for 5 journal_has web to-stdout
    wait_for 5 journal_has web to-stderr
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    [ "$(exit_status_of web)" = 0 ]
    no_leftovers web
}

# status_shows NAME PATTERN: for wait_for.
status_shows() {
    systemctl status --no-pager "$1" | grep -qE "$2"
}

@test "systemctl status shows the container's processes" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    wait_for 5 status_shows web '[0-9]+ sleep 1000$'
}

@test "without --rm the stopped container stays until the next start" {
    container_unit keep -- busybox sh -c "$heeds_term"
    systemctl start keep
    systemctl stop keep
    [ "$(docker inspect -f '{{.State.Status}}' keep)" = exited ]
    first=$(docker inspect -f '{{.Id}}' keep)
    systemctl start keep
    [ "$(docker inspect -f '{{.Id}}' keep)" != "$first" ]
}

@test "--rm=false starts the stopped container again" {
    container_unit again -- --rm=false busybox sh -c "$heeds_term"
    systemctl start again
    first=$(docker inspect -f '{{.Id}}' again)
    systemctl restart again
    [ "$(docker inspect -f '{{.Id}}' again)" = "$first" ]
    [ "$(cgroup_of "$(container_pid again)")" = /system.slice/again.service/payload ]
}

@test "without --name the container has the unit's" {
    write_unit named@a-b <<'UNIT'
[Service]
Type=notify
Delegate=yes
KillMode=mixed
ExecStart=/usr/bin/systemd-ctr run --rm busybox sh -c 'trap "exit 143" TERM; sleep 1000 & wait'
UNIT
    systemctl start named@a-b
    container_exists named-a-b
    systemctl stop named@a-b
    run ! container_exists named-a-b
}

@test "without Delegate=yes it runs in the unit's own cgroup, with a warning" {
    container_unit flat Delegate=no -- --rm busybox sh -c "$heeds_term"
    systemctl start flat
    [ "$(cgroup_of "$(container_pid flat)")" = /system.slice/flat.service ]
    wait_for 5 journal_has flat "add Delegate=yes"
    systemctl stop flat
    [ "$(unit_property flat Result)" = success ]
    no_leftovers flat
}

@test "--cgroup-mode=none leaves it where Docker put it" {
    container_unit aside --cgroup-mode=none -- --rm busybox sh -c "$heeds_term"
    systemctl start aside
    [[ "$(cgroup_of "$(container_pid aside)")" == /system.slice/docker-*.scope ]]
    systemctl stop aside
    no_leftovers aside
}

@test "the labels say whose it is" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    [ "$(docker inspect -f '{{index .Config.Labels "io.systemd-ctr.unit"}}' web)" = web.service ]
    [ "$(docker inspect -f '{{index .Config.Labels "io.systemd-ctr.invocation"}}' web)" = "$(unit_property web InvocationID)" ]
    [ -n "$(docker inspect -f '{{index .Config.Labels "io.systemd-ctr.spec"}}' web)" ]
}

@test "the pid file names the first process, 0644, and goes at the end; a link is not followed" {
    echo precious >/tmp/precious
    ln -sf /tmp/precious /run/web.pid
    container_unit web ExecStopPost= --pid-file=/run/web.pid -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    [ "$(cat /run/web.pid)" = "$(container_pid web)" ]
    [ "$(stat -c %a /run/web.pid)" = 644 ]
    [ "$(cat /tmp/precious)" = precious ]
    systemctl stop web
    no_leftovers web /run/web.pid
}

@test "the detached form ends after the start, and systemd follows the pid file" {
    container_unit old Type=forking PIDFile=/run/old.pid KillMode=control-group \
        --logs=false --rm=false --pid-file=/run/old.pid -- busybox sh -c "$heeds_term"
    systemctl start old
    [ "$(unit_property old MainPID)" = "$(container_pid old)" ]
    [ "$(unit_property old ActiveState)" = active ]
    [ "$(unit_processes old)" = "$(unit_processes old payload)" ]
    systemctl stop old
    wait_for 5 unit_is_down old
    [ "$(docker inspect -f '{{.State.Running}}' old)" = false ]
    [ ! -e /run/old.pid ]
}

@test "--main-pid=container: systemd follows it, and the exit status is still the container's" {
    container_unit main NotifyAccess=all KillMode=control-group --main-pid=container -- --rm busybox sh -c 'trap "exit 9" USR1; while :; do sleep 1000 & wait; done'
    systemctl start main
    [ "$(unit_property main MainPID)" = "$(container_pid main)" ]
    docker kill -s USR1 main
    wait_for 10 unit_is_down main
    [ "$(exit_status_of main)" = 9 ]
    [ "$(unit_property main Result)" = exit-code ]
    no_leftovers main
}

@test "a signal that ExecReload= sends reaches the container" {
    container_unit hup 'ExecReload=/bin/kill -HUP $MAINPID' -- --rm busybox sh -c 'trap "echo got-hup" HUP; trap "exit 143" TERM; while :; do sleep 1000 & wait; done'
    systemctl start hup
    systemctl reload hup
    wait_for 5 journal_has hup got-hup
}

@test "--env passes our environment, less what is systemd's" {
    container_unit environment Type=oneshot 'Environment=GREETING=hello TAKEN=ours' --env -- --rm -e TAKEN=theirs busybox env
    systemctl start environment
    wait_for 5 journal_has environment GREETING=hello
    wait_for 5 journal_has environment TAKEN=theirs
    journalctl --sync
    run ! journal_has environment TAKEN=ours
    run ! journal_has environment INVOCATION_ID
    run ! journal_has environment NOTIFY_SOCKET
}

@test "Type=oneshot, exec and simple work as well" {
    for type in oneshot exec simple; do
        container_unit "as-$type" "Type=$type" -- --rm busybox sh -c 'echo done-here; exit 3'
        systemctl start "as-$type" || [ "$type" = oneshot ]
        wait_for 10 unit_is_down "as-$type"
        [ "$(exit_status_of "as-$type")" = 3 ]
        no_leftovers "as-$type"
    done
}

@test "--cidfile has the container's ID" {
    container_unit named -- --rm --cidfile /run/named.cid busybox sh -c "$heeds_term"
    for _ in 1 2; do
        systemctl restart named
        [ "$(cat /run/named.cid)" = "$(docker inspect -f '{{.Id}}' named)" ]
    done
    # One that is started again has it, too: /run is empty after a reboot.
    container_unit stays -- --rm=false --cidfile /run/stays.cid busybox sh -c "$heeds_term"
    systemctl start stays
    systemctl stop stays
    rm /run/stays.cid
    systemctl start stays
    [ "$(cat /run/stays.cid)" = "$(docker inspect -f '{{.Id}}' stays)" ]
}

@test "systemd is told when the container is on its way out" {
    container_unit tells -- --rm busybox sh -c "$heeds_term"
    systemctl start tells
    systemctl log-level debug
    docker stop tells
    wait_for 10 unit_is_down tells
    systemctl log-level info
    journalctl --sync
    journalctl --no-pager -o cat _PID=1 >"$BATS_TEST_TMPDIR/manager"
    grep -q "tells.service: Got notification message.*STOPPING=1" "$BATS_TEST_TMPDIR/manager"
}
