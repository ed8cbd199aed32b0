#!/usr/bin/env bats
# Units of a user's own manager, with that user's own engine: nothing here needs root.
# What is quoted is for the container's shell; $heeds_term and others come from lib.
# shellcheck disable=SC2016,SC2154

load lib/rootless

setup_file() {
    start_user
}

# payload_of NAME: the path of its payload below the hierarchy.
payload_of() {
    echo "${system_slice#/sys/fs/cgroup}/$1.service/payload"
}

@test "a container of a user's unit: ready, in the unit's cgroup, heard, stopped, gone" {
    container_unit mine --cgroup-mode=move -- --rm busybox sh -c "echo hello; $heeds_term"
    systemctl start mine
    [ "$(unit_property mine ActiveState)" = active ]
    status_says mine "cgroup mode move"
    [ "$(cgroup_of "$(container_pid mine)")" = "$(payload_of mine)" ]
    wait_for 5 journal_has mine hello
    systemctl stop mine
    [ "$(unit_property mine Result)" = success ]
    no_leftovers mine
}

@test "its processes are the container's own, all of them, after a start that forks" {
    container_unit storm --cgroup-mode=move -- --rm busybox sh -c \
        'i=0; while [ $i -lt 100 ]; do sh -c : & sleep 20 & i=$((i+1)); done; trap "exit 143" TERM; wait'
    systemctl start storm
    pid=$(container_pid storm)
    wait_for 10 has_processes "$pid" 100
    [ "$(processes_in_namespace_of "$pid" | sed 's,.*,/proc/&/cgroup,' | xargs grep -sh ^0:: | sort -u)" = \
        "0::$(payload_of storm)" ]
}

has_processes() {
    [ "$(processes_in_namespace_of "$1" | wc -l)" -gt "$2" ]
}

@test "exit statuses are the unit's" {
    for code in 0 1 7 137 255; do
        container_unit "exits-$code" --cgroup-mode=move -- --rm busybox sh -c "exit $code"
        systemctl start "exits-$code" || true
        wait_for 10 unit_is_down "exits-$code"
        [ "$(exit_status_of "exits-$code")" = "$code" ]
        no_leftovers "exits-$code"
    done
}

@test "a moved container opens the devices that it was given, and makes none: its user namespace is the wall" {
    container_unit devices --cgroup-mode=move -- --rm --device /dev/fuse busybox sh -c "$heeds_term"
    systemctl start devices
    docker exec devices sh -c 'true </dev/fuse'
    run docker exec devices mknod /tmp/f c 10 229
    [[ "$output" == *"Operation not permitted"* ]]
    # The process itself, from the start.
    container_unit maker --cgroup-mode=move Type=oneshot -- --rm busybox sh -c 'sleep 1; mknod /tmp/f c 10 229; echo tried'
    systemctl start maker
    wait_for 5 journal_has maker tried
    journal_has maker "Operation not permitted"
}

# give_controller: what the machine has to give, down to what the user's manager has. systemd gives a
# user memory and pids; it knows nothing of hugetlb, which most machines' tests have to do with.
give_controller() {
    local dir=/sys/fs/cgroup part
    grep -qw hugetlb "$dir/cgroup.controllers" || return 1
    for part in '' user.slice "user-$uid.slice" "user@$uid.service" app.slice; do
        dir+=/$part
        echo +hugetlb >"$dir/cgroup.subtree_control"
    done
    echo +hugetlb >"$dir/../user.slice/cgroup.subtree_control"
    systemctl restart docker
    wait_for 20 docker info >/dev/null
}

@test "a limit of the container is in force after the move" {
    # A runtime that sets what docker run has no option for.
    cat >/usr/local/bin/limiting-runtime <<'RUNTIME'
#!/bin/sh
runc "$@" || exit
case " $* " in *" create "*)
    for id; do :; done
    echo 4194304 >"$(find /sys/fs/cgroup/user.slice -name "docker-$id.scope")/hugetlb.2MB.max"
esac
RUNTIME
    chmod 755 /usr/local/bin/limiting-runtime
    sed -i 's,{,{ "runtimes": { "limiting": { "path": "/usr/local/bin/limiting-runtime" } }\,,' \
        "$user_home/.config/docker/daemon.json"
    # The first container has systemd make the slice.
    docker run --rm busybox true
    give_controller || skip "no controller of cgroup v2 is free on this machine"
    container_unit limited --cgroup-mode=move -- --rm --runtime=limiting busybox sh -c "$heeds_term"
    systemctl start limited
    [ "$(cgroup_of "$(container_pid limited)")" = "$(payload_of limited)" ]
    [ "$(<"/sys/fs/cgroup$(payload_of limited)/hugetlb.2MB.max")" = 4194304 ]
}

@test "3 restarts do not nest cgroups" {
    container_unit again --cgroup-mode=move -- --rm busybox sh -c "$heeds_term"
    systemctl start again
    for _ in 1 2 3; do
        systemctl restart again
        [ "$(cgroup_of "$(container_pid again)")" = "$(payload_of again)" ]
        [ "$(cgroup_of "$(unit_property again MainPID)")" = "${system_slice#/sys/fs/cgroup}/again.service/supervisor" ]
    done
}

@test "without Delegate=yes it goes straight into the unit's cgroup, with a warning" {
    container_unit plain Delegate=no --cgroup-mode=move -- --rm busybox sh -c "$heeds_term"
    systemctl start plain
    [ "$(cgroup_of "$(container_pid plain)")" = "${system_slice#/sys/fs/cgroup}/plain.service" ]
    wait_for 5 journal_has plain "add Delegate=yes"
    systemctl stop plain
    no_leftovers plain
}

@test "mode none leaves it in the engine's scope, and nothing of it outlives a kill -9 of the wrapper" {
    container_unit left --cgroup-mode=none -- --rm busybox sh -c "$heeds_term"
    systemctl start left
    pid=$(container_pid left)
    [[ "$(cgroup_of "$pid")" == */user@$uid.service/user.slice/*.scope ]]
    kill -KILL "$(unit_property left MainPID)"
    wait_for 10 no_leftovers left
    [ ! -e "/proc/$pid" ]
}

@test "kill -9 of the wrapper: the container is gone, the next start works" {
    container_unit orphan --cgroup-mode=move -- --rm busybox sh -c "$heeds_term"
    for _ in 1 2 3; do
        systemctl start orphan
        kill -KILL "$(unit_property orphan MainPID)"
        wait_for 10 no_leftovers orphan
        systemctl reset-failed orphan
    done
    systemctl start orphan
    [ "$(unit_property orphan ActiveState)" = active ]
}

@test "READY waits for health, and docker exec works after the move" {
    container_unit healthy --cgroup-mode=move -- --rm --health-cmd 'test -e /tmp/up' --health-interval 500ms \
        busybox sh -c "sleep 1; touch /tmp/up; $heeds_term"
    systemctl start healthy
    [ "$(docker inspect -f '{{.State.Health.Status}}' healthy)" = healthy ]
    docker exec healthy true
}

# The user may move nothing out of what its own manager has.
@test "User= in a unit of the system: a move is refused with what to do, mode none works" {
    unit_as_user=/run/systemd/system/as-user.service
    for mode in move none; do
        cat >"$unit_as_user" <<UNIT
[Service]
Type=notify
Delegate=yes
User=$user
Environment=DOCKER_HOST=unix://$runtime_folder/docker.sock
ExecStart=/usr/bin/systemd-ctr --cgroup-mode=$mode run --rm --name as-user busybox sh -c '$heeds_term'
ExecStopPost=-/usr/bin/systemd-ctr cleanup as-user
UNIT
        command systemctl daemon-reload
        case $mode in
        move)
            run ! command systemctl start as-user
            command journalctl --no-pager -o cat -u as-user | grep -F -- '--cgroup-mode=none'
            ;;
        none)
            command systemctl start as-user
            [ "$(docker inspect -f '{{.State.Running}}' as-user)" = true ]
            command systemctl stop as-user
            [ "$(command systemctl show --value -p Result as-user)" = success ]
            ;;
        esac
        run ! container_exists as-user
    done
    rm "$unit_as_user"
}
