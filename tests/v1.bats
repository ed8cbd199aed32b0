#!/usr/bin/env bats
# A host with cgroup v1: several hierarchies, of which systemd tracks its units by name=systemd.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154
# host: v1

load lib/host
load lib/container
load lib/hierarchies

@test "moved in name=systemd: systemctl status shows its processes, docker exec works, nothing is left" {
    container_unit web -- --rm busybox sh -c "$heeds_term"
    systemctl start web
    pid=$(container_pid web)
    [ "$(cgroup_of "$pid")" = /system.slice/web.service/payload ]
    [ "$(cgroup_of "$(unit_property web MainPID)")" = /system.slice/web.service/supervisor ]
    systemctl status --no-pager web | grep -q "$pid sh -c"
    # With its walls where Docker put it.
    for hierarchy in devices memory pids blkio cpuset freezer; do
        [[ "$(cgroup_of "$pid" "$hierarchy")" == *docker-*.scope ]]
    done
    status_says web "cgroup mode move"
    [ "$(systemd-ctr status --json web | jq -r .cgroup_mode)" = move ]
    journal_has web "cgroup v1: the container goes over in name=systemd;"
    [ "$(docker exec web echo hello)" = hello ]
    docker top web | grep -q 'sh -c'
    docker pause web
    docker unpause web
    id=$(container_id web)
    systemctl stop web
    [ "$(unit_property web Result)" = success ]
    no_leftovers web
    wait_for 5 no_cgroup_named "$id"
}

@test "check tells the hierarchies, and that a move works" {
    systemd-ctr check >"$BATS_TEST_TMPDIR/check"
    grep -q 'cgroup v1: name=systemd, .*memory' "$BATS_TEST_TMPDIR/check"
    grep -q 'mode move: yes' "$BATS_TEST_TMPDIR/check"
    grep -q 'mode runtime: no: needs cgroup v2' "$BATS_TEST_TMPDIR/check"
}

@test "the exit status is the container's" {
    container_unit ends -- --rm busybox sh -c 'exit 7'
    systemctl start ends || true
    wait_for 5 unit_is_down ends
    [ "$(exit_status_of ends)" = 7 ]
    no_leftovers ends
}

@test "300 shells in the first second, in all hierarchies: none is outside the unit" {
    storm storm --cgroups=all
}

@test "3 restarts do not nest cgroups" {
    container_unit again -c all -- --rm busybox sh -c "$heeds_term"
    systemctl start again
    for _ in 1 2 3; do
        systemctl restart again
        [ "$(cgroup_of "$(container_pid again)")" = /system.slice/again.service/payload ]
        [ "$(cgroup_of "$(container_pid again)" memory)" = /system.slice/again.service/payload ]
    done
}

@test "-c name=systemd: that one and no other" {
    container_unit one -c name=systemd -- --rm busybox sh -c "$heeds_term"
    systemctl start one
    [ "$(cgroup_of "$(container_pid one)")" = /system.slice/one.service/payload ]
    [[ "$(cgroup_of "$(container_pid one)" memory)" == *docker-*.scope ]]
}

@test "-c cpu, and -c cpuacct,cpu: these as well" {
    container_unit one -c cpu -- --rm busybox sh -c "$heeds_term"
    # systemd makes it where CPU time is accounted, but where the two are mounted apart.
    container_unit both "ExecStartPre=mkdir -p /sys/fs/cgroup/cpuacct/system.slice/both.service" -c cpuacct,cpu -- --rm busybox sh -c "$heeds_term"
    systemctl start one both
    for name in one both; do
        pid=$(container_pid "$name")
        [ "$(cgroup_of "$pid")" = "/system.slice/$name.service/payload" ]
        [ "$(controller_cgroup_of "$pid" cpu)" = "/system.slice/$name.service/payload" ]
        [[ "$(cgroup_of "$pid" memory)" == *docker-*.scope ]]
    done
    [ "$(controller_cgroup_of "$pid" cpuacct)" = /system.slice/both.service/payload ]
    systemctl stop one both
    no_leftovers one
    no_leftovers both
}

@test "a hierarchy that is not there is refused, with a list of those that are" {
    container_unit wrong -c nosuch -- --rm busybox true
    run ! systemctl start wrong
    [ "$(exit_status_of wrong)" = 64 ]
    wait_for 5 journal_has wrong "--cgroups=nosuch: this host has no such cgroup hierarchy; it has name=systemd"
    run ! container_exists wrong
}

@test "device rules are in force after a move of devices" {
    device_rules
}

@test "a privileged container may open devices after the move as before" {
    docker run --rm --privileged busybox true || skip "no privileged container starts on this machine"
    container_unit open -c all -- --rm --privileged busybox sh -c "mknod /tmp/f c 10 229; true </tmp/f && echo opened; $heeds_term"
    systemctl start open
    [ "$(cgroup_of "$(container_pid open)" devices)" = /system.slice/open.service/payload ]
    wait_for 5 journal_has open opened
}

@test "limits of the container are in force after a move of memory, pids and cpu" {
    limits_carried
}

@test "the container's memory limit kills after the move: status 137" {
    # Twice is more than it may have; the pause is for the move.
    container_unit eater -c memory Type=exec -- --rm -m 64m --memory-swap 64m busybox \
        sh -c 'sleep 1; dd if=/dev/zero of=/dev/null bs=128M count=1; echo "dd: $?"; exit 9'
    systemctl start eater
    wait_for 20 unit_is_down eater
    journal_has eater "dd: 137"
    [ "$(exit_status_of eater)" = 9 ]
}

@test "the unit's own limits act on what is moved: MemoryMax=, TasksMax=" {
    container_unit bounded MemoryMax=64M TasksMax=40 Type=exec -c all -- --rm --memory-swap -1 busybox \
        sh -c 'sleep 1; dd if=/dev/zero of=/dev/null bs=128M count=1; echo "dd: $?"
            i=0; while [ $i -lt 100 ]; do sleep 9 & i=$((i+1)); done; echo forked all'
    systemctl start bounded
    wait_for 20 unit_is_down bounded
    journal_has bounded "dd: 137"
    journal_has bounded "can't fork"
    run ! journal_has bounded "forked all"
}

@test "a unit with a smaller CPUQuota= takes a container with a larger one" {
    container_unit slow CPUQuota=20% -c cpu -- --rm --cpus 0.5 busybox sh -c "$heeds_term"
    systemctl start slow
    [ "$(controller_cgroup_of "$(container_pid slow)" cpu)" = /system.slice/slow.service/payload ]
    [ "$(cat /sys/fs/cgroup/cpu/system.slice/slow.service/cpu.cfs_quota_us)" = 20000 ]
}

@test "without Delegate=yes: tracked in the unit itself; a limit or device rules of its own are refused" {
    container_unit plain Delegate=no -- --rm busybox sh -c "$heeds_term"
    systemctl start plain
    [ "$(cgroup_of "$(container_pid plain)")" = /system.slice/plain.service ]
    systemctl stop plain
    no_leftovers plain
    container_unit limited Delegate=no MemoryAccounting=yes -c memory -- --rm -m 64m busybox sh -c "$heeds_term"
    run ! systemctl start limited
    wait_for 5 journal_has limited "limit memory.limit_in_bytes=67108864 cannot be carried"
    container_unit open Delegate=no -c devices -- --rm busybox sh -c "$heeds_term"
    run ! systemctl start open
    wait_for 5 journal_has open "device rules cannot be carried into the unit's cgroup: that needs Delegate=yes"
    for name in limited open; do
        [ "$(exit_status_of "$name")" = 125 ]
        no_leftovers "$name"
    done
}

@test "kill -9 of the wrapper: nothing is left, and the next start works" {
    killed_wrapper
}

@test "--pid=host: all of the container, and nothing else, is moved and ended" {
    pid_of_host
}

@test "adopted after kill -9 of the wrapper: what was executed in it meanwhile comes over, one process keeps the scope" {
    adopted
}

@test "a container of a detached unit can be executed in, and its scope goes with it" {
    detached
}

@test "a health check passes" {
    container_unit checked -- --rm --health-cmd true --health-interval 200ms busybox sh -c "$heeds_term"
    systemctl start checked
    status_says checked healthy
}

# The last: it changes the engine.
@test "cgroupfs driver: born in the unit in all hierarchies; a move works as well" {
    cgroupfs_engine
    container_unit born -- --rm -m 64m busybox sh -c "$heeds_term"
    systemctl start born
    id=$(container_id born)
    for hierarchy in name=systemd memory devices cpuset; do
        [ "$(cgroup_of "$(container_pid born)" "$hierarchy")" = "/system.slice/born.service/payload/$id" ]
    done
    status_says born "cgroup mode parent"
    systemctl stop born
    no_leftovers born
    no_cgroup_named "$id"
    container_unit moved --cgroup-mode=move -c all -- --rm -m 64m busybox sh -c "$heeds_term"
    systemctl start moved
    id=$(container_id moved)
    [ "$(cgroup_of "$(container_pid moved)" memory)" = /system.slice/moved.service/payload ]
    [ "$(docker exec moved echo hello)" = hello ]
    systemctl stop moved
    no_leftovers moved
    no_cgroup_named "$id"
}

# Its cgroups do not tell any more whose it is, and as long as it is not waited for it is there.
@test "READY=1 of a process that has ended since is taken" {
    say=$BATS_TEST_TMPDIR/say
    cc -static -o "$say" "$BATS_TEST_DIRNAME/programs/say.c"
    container_unit ends --notify -- --rm -v "$say:/say:ro" busybox sh -c \
        'until [ -e /go ]; do sleep 0.1; done; /say READY=1 & exec sleep 1000'
    systemctl start --no-block ends
    wait_for 10 status_says ends "READY"
    main=$(unit_property ends MainPID)
    kill -STOP "$main"
    docker exec ends touch /go
    wait_for 10 has_ended_child "$(container_pid ends)"
    kill -CONT "$main"
    wait_for 5 unit_property_is ends ActiveState active
}

has_ended_child() {
    [[ $(ps -o stat= --ppid "$1") == *Z* ]]
}
