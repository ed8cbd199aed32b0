#!/usr/bin/env bats
# The container in the unit's cgroup: all of it, with its device filter, and nobody else.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly tries_fuse='mknod /tmp/f c 10 229; test -c /tmp/f && echo made; true </tmp/f && echo opened; echo tried'

@test "a moved default container cannot open c 10 229" {
    container_unit walls -- --rm busybox sh -c "$heeds_term"
    systemctl start walls
    run docker exec walls sh -c "$tries_fuse"
    [[ "$output" == *made* ]]
    [[ "$output" == *"can't open /tmp/f: Operation not permitted"* ]]
    [[ "$output" != *opened* ]]
    # What runs in it from the start is behind the same wall.
    container_unit inside Type=oneshot -- --rm busybox sh -c "sleep 1; $tries_fuse; :"
    systemctl start inside
    wait_for 5 journal_has inside tried
    journal_has inside "can't open /tmp/f: Operation not permitted"
    run ! journal_has inside opened
}

@test "with --device that device opens, another does not" {
    container_unit device -- --rm --device /dev/fuse busybox sh -c "$heeds_term"
    systemctl start device
    docker exec device sh -c ': </dev/fuse'
    run docker exec device sh -c 'mknod /tmp/loop b 7 0 && : </tmp/loop'
    [[ "$output" == *"Operation not permitted"* ]]
}

@test "a privileged container may open devices after the move as before" {
    # runc cannot give all capabilities where it has not got them itself (CAP_SYS_RESOURCE, say).
    docker run --rm --privileged busybox true || skip "no privileged container starts on this machine"
    container_unit open -- --rm --privileged busybox sh -c "$heeds_term"
    systemctl start open
    [ "$(cgroup_of "$(container_pid open)")" = /system.slice/open.service/payload ]
    docker exec open sh -c ': </dev/fuse'
}

@test "300 shells in the first second: 1.5 s after READY none is outside the unit" {
    # Every second one ends at once; those that stay can be looked at.
    container_unit storm -- --rm busybox sh -c \
        'i=0; while [ $i -lt 150 ]; do sh -c : & sh -c "sleep 20" & i=$((i+1)); done; trap "exit 143" TERM; wait'
    for _ in 1 2 3; do
        systemctl start storm
        pid=$(container_pid storm)
        # The moment that is asked about.
        read -r -t 1.5 <> <(:) || true
        [ -z "$(processes_outside storm "$pid")" ]
        wait_for 10 many_processes "$pid"
        [ -z "$(processes_outside storm "$pid")" ]
        systemctl stop storm
        no_leftovers storm
    done
}

many_processes() {
    [ "$(processes_in_namespace_of "$1" | wc -l)" -gt 150 ]
}

@test "docker exec and health checks join the unit" {
    container_unit joined -- --rm busybox sh -c "$heeds_term"
    systemctl start joined
    docker exec -d joined sleep 777
    wait_for 5 pgrep -x -f 'sleep 777'
    [[ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" == /system.slice/joined.service/payload* ]]
}

@test "dockerd, containerd and a neighbour never move, with --pid=host and --cgroupns=host too" {
    docker run -d --name neighbour busybox sleep 1000
    neighbour=$(cgroup_of "$(container_pid neighbour)")
    for flags in --pid=host --cgroupns=host; do
        container_unit near -- --rm "$flags" busybox sh -c "$heeds_term"
        systemctl start near
        [ "$(cgroup_of "$(container_pid near)")" = /system.slice/near.service/payload ]
        [ "$(cgroup_of "$(unit_property docker MainPID)")" = /system.slice/docker.service ]
        [ "$(cgroup_of "$(container_pid neighbour)")" = "$neighbour" ]
        systemctl stop near
        no_leftovers near
    done
}

@test "the unit's IPAddressDeny= acts on the container" {
    container_unit open -- --rm --network none busybox sh -c "$heeds_term"
    container_unit cut IPAddressDeny=localhost -- --rm --network none busybox sh -c "$heeds_term"
    systemctl start open cut
    docker exec open ping -c 1 127.0.0.1
    run ! docker exec cut ping -c 1 -W 2 127.0.0.1
    [[ "$output" == *"Operation not permitted"* ]]
}

@test "after a stop in the midst of starts nothing is frozen" {
    container_unit cold Type=exec -- --rm busybox sh -c "$heeds_term"
    for _ in 1 2 3 4 5; do
        systemctl start cold
        wait_for 5 container_exists cold
        kill -KILL "$(unit_property cold MainPID)"
        wait_for 5 no_frozen_cgroup
        wait_for 5 no_leftovers cold
        systemctl reset-failed cold
    done
}

# Its cgroup has one payload.
@test "a unit that runs a container refuses a second one, in a cgroup of which it would be ended with the first" {
    container_unit full 'ExecStartPost=-/usr/bin/systemd-ctr run --rm --name second busybox true' \
        'ExecStartPost=/usr/bin/systemd-ctr --cgroup-mode=none run --rm --name third busybox true' \
        'ExecReload=/usr/bin/systemd-ctr run --rm --name second busybox true' -- --rm busybox sh -c "$heeds_term"
    systemctl start full
    pid=$(container_pid full)
    journal_has full "full.service runs a container already"
    run ! systemctl reload full
    [ "$(unit_property full ActiveState)" = active ]
    [ "$(container_pid full)" = "$pid" ]
    [ "$(cgroup_of "$pid")" = /system.slice/full.service/payload ]
}

@test "without Delegate=yes the end of one container of a unit is not that of another" {
    container_unit flat Delegate=no 'ExecStartPost=/usr/bin/systemd-ctr run --rm --name second busybox true' -- \
        --rm busybox sh -c "$heeds_term"
    systemctl start flat
    pid=$(container_pid flat)
    [ "$(unit_property flat ActiveState)" = active ]
    [ "$(cgroup_of "$pid")" = /system.slice/flat.service ]
    systemctl stop flat
    no_leftovers flat
}

@test "3 restarts do not nest cgroups" {
    container_unit again -- --rm busybox sh -c "$heeds_term"
    systemctl start again
    for _ in 1 2 3; do
        systemctl restart again
        [ "$(cgroup_of "$(container_pid again)")" = /system.slice/again.service/payload ]
        [ "$(cgroup_of "$(unit_property again MainPID)")" = /system.slice/again.service/supervisor ]
    done
}

# What a runtime is called tells what it can do.
@test "with crun auto moves neither a new container nor one that is started again or adopted" {
    ln -s "$(command -v runc)" /usr/local/bin/crun
    jq -s '(.[0] // {}) * {runtimes: {other: {path: "/usr/local/bin/crun"}}}' \
        <<<"$(cat /etc/docker/daemon.json 2>/dev/null)" >"$BATS_TEST_TMPDIR/after"
    cp "$BATS_TEST_TMPDIR/after" /etc/docker/daemon.json
    systemctl reload docker
    wait_for 5 engine_has_runtime other

    container_unit stays KillMode=process ExecStopPost= --rm=false -- --runtime=other busybox sh -c "$heeds_term"
    for what in made started adopted; do
        systemctl start stays
        wait_for 5 status_says stays "cgroup mode none"
        [[ "$(cgroup_of "$(container_pid stays)")" == */docker-* ]] || { echo "moved when $what" && false; }
        case $what in
        made) systemctl stop stays ;;
        started)
            kill -KILL "$(unit_property stays MainPID)"
            wait_for 5 unit_is_down stays
            systemctl reset-failed stays
            ;;
        esac
    done
    systemctl stop stays
}

engine_has_runtime() {
    docker info -f '{{json .Runtimes}}' | grep -q "\"$1\""
}
