# shellcheck shell=bash
# What is true of every host whose controllers are on cgroup v1: `load lib/hierarchies` after
# lib/container.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

container_id() {
    docker container inspect -f '{{.Id}}' "$1"
}

no_cgroup_named() {
    [[ -z $(find /sys/fs/cgroup -name "*$1*") ]]
}

# controller_cgroup_of PID CONTROLLER: with whatever else it may be mounted.
controller_cgroup_of() {
    sed -nE "s/^[0-9]+:([a-z_,]+,)?$2(,[a-z_,]+)?://p" "/proc/$1/cgroup"
}

# setting_of PID CONTROLLER FILE: in the cgroup that the process is in.
setting_of() {
    cat "/sys/fs/cgroup/$2$(controller_cgroup_of "$1" "$2")/$3"
}

# Who is in the scope that Docker made for this container, by name.
kept_by() {
    xargs -r ps -o comm= -p <"$system_slice/docker-$(container_id "$1").scope/cgroup.procs"
}

one_keeper() {
    [[ $(kept_by "$1") == docker-scope ]]
}

many_processes() {
    (($(processes_in_namespace_of "$1" | wc -l) > 150))
}

# outside_anywhere NAME PID: processes of PID's container that are not in NAME's payload in one of
# the hierarchies in which PID itself is.
outside_anywhere() {
    processes_outside "$1" "$2"
    processes_in_namespace_of "$2" | sed 's,.*,/proc/&/cgroup,' |
        xargs -r grep -sHE ':(name=systemd|memory|pids|devices):' |
        grep -v ":/system.slice/$1.service/payload" || true
}

# storm NAME OPTION...: every second shell ends at once; those that stay can be looked at.
storm() {
    local name=$1 pid
    container_unit "$@" -- --rm busybox sh -c \
        'i=0; while [ $i -lt 150 ]; do sh -c : & sh -c "sleep 100" & i=$((i+1)); done; trap "exit 143" TERM; wait'
    for _ in 1 2 3; do
        systemctl start "$name"
        pid=$(container_pid "$name")
        # The moment that is asked about.
        read -r -t 1.5 <> <(:) || true
        [ -z "$(outside_anywhere "$name" "$pid")" ]
        wait_for 10 many_processes "$pid"
        [ -z "$(outside_anywhere "$name" "$pid")" ]
        systemctl stop "$name"
        no_leftovers "$name"
    done
}

# Of the container's own processes: those of docker exec are where Docker puts them.
device_rules() {
    local tries='sleep 1; mknod /tmp/f c 10 229; test -c /tmp/f && echo made; true </tmp/f && echo opened; echo tried'
    container_unit walls -c devices -- --rm busybox sh -c "$tries; $heeds_term"
    systemctl start walls
    wait_for 5 journal_has walls tried
    [ "$(cgroup_of "$(container_pid walls)" devices)" = /system.slice/walls.service/payload ]
    journal_has walls made
    journal_has walls "can't open /tmp/f: Operation not permitted"
    run ! journal_has walls opened
    # systemd sets the unit's own rules again at times.
    systemctl daemon-reload
    run ! grep -q '^a' <<<"$(setting_of "$(container_pid walls)" devices devices.list)"
    container_unit device -c devices -- --rm --device /dev/fuse busybox sh -c "$tries; $heeds_term"
    systemctl start device
    wait_for 5 journal_has device opened
}

limits_carried() {
    local pid
    container_unit bounds -c all -- --rm -m 64m --memory-swap 96m --cpus 0.5 -c 512 \
        --pids-limit 50 busybox sh -c \
        'sleep 1; i=0; while [ $i -lt 100 ]; do sleep 9 & i=$((i+1)); done; echo forked all'
    systemctl start bounds
    pid=$(container_pid bounds)
    [ "$(controller_cgroup_of "$pid" memory)" = /system.slice/bounds.service/payload ]
    [ "$(setting_of "$pid" memory memory.limit_in_bytes)" = 67108864 ]
    [ "$(setting_of "$pid" memory memory.memsw.limit_in_bytes)" = 100663296 ]
    [ "$(setting_of "$pid" pids pids.max)" = 50 ]
    [ "$(setting_of "$pid" cpu cpu.shares)" = 512 ]
    [ "$(setting_of "$pid" cpu cpu.cfs_period_us)" = 100000 ]
    [ "$(setting_of "$pid" cpu cpu.cfs_quota_us)" = 50000 ]
    wait_for 5 journal_has bounds "can't fork"
    run ! journal_has bounds "forked all"
}

killed_wrapper() {
    local id round
    container_unit cold Type=exec NotifyAccess=main -c all -- --rm busybox sh -c "$heeds_term"
    for round in 1 2 3 4 5 6; do
        systemctl start cold
        wait_for 5 container_exists cold
        id=$(container_id cold)
        # Some while it starts, some when it runs.
        ((round < 4)) || wait_for 5 status_says cold Running
        kill -KILL "$(unit_property cold MainPID)"
        wait_for 10 unit_is_down cold
        no_leftovers cold
        wait_for 5 no_cgroup_named "$id"
        systemctl reset-failed cold
    done
    systemctl start cold
    wait_for 5 status_says cold Running
}

no_process() {
    ! pgrep -x -f "$1"
}

# With orphans, which are in no process tree of the container's, nor in a PID namespace of its own.
pid_of_host() {
    local neighbour dockerd
    docker run -d --name neighbour busybox sleep 1000
    neighbour=$(cgroup_of "$(container_pid neighbour)")
    dockerd=$(cgroup_of "$(unit_property docker MainPID)")
    container_unit near --rm=true -- --pid=host busybox sh -c \
        "(setsid sleep 777 &); (setsid sleep 778 &); $heeds_term"
    systemctl start near
    wait_for 5 pgrep -x -f 'sleep 777'
    [ "$(cgroup_of "$(container_pid near)")" = /system.slice/near.service/payload ]
    [ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" = /system.slice/near.service/payload ]
    [ "$(cgroup_of "$(pgrep -x -f 'sleep 778')")" = /system.slice/near.service/payload ]
    one_keeper near
    docker exec -d near sleep 779
    wait_for 5 pgrep -x -f 'sleep 779'
    [ "$(cgroup_of "$(unit_property docker MainPID)")" = "$dockerd" ]
    [ "$(cgroup_of "$(container_pid neighbour)")" = "$neighbour" ]
    systemctl stop near
    no_leftovers near
    for process in 'sleep 777' 'sleep 778' 'sleep 779'; do
        wait_for 2 no_process "$process"
    done
}

adopted() {
    local pid id
    container_unit kept KillMode=process Restart=always RestartSec=300ms ExecStopPost= -- \
        --rm busybox sh -c "$heeds_term"
    systemctl start kept
    pid=$(container_pid kept)
    id=$(container_id kept)
    docker exec -d kept sleep 777
    wait_for 5 pgrep -x -f 'sleep 777'
    [[ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" == *docker-*.scope ]]
    kill -KILL "$(unit_property kept MainPID)"
    wait_for 10 journal_has kept "is adopted"
    wait_for 10 unit_property_is kept ActiveState active
    [ "$(container_pid kept)" = "$pid" ]
    [ "$(cgroup_of "$pid")" = /system.slice/kept.service/payload ]
    [ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" = /system.slice/kept.service/payload ]
    one_keeper kept
    [ "$(docker exec kept echo hello)" = hello ]
    systemctl stop kept
    no_leftovers kept
    wait_for 5 no_cgroup_named "$id"
}

detached() {
    local id
    # systemd may see the cgroup empty a moment before the main process, which is no child of its own,
    # is a zombie; it waits out the timeout then (on cgroup v2 as well).
    container_unit away TimeoutStopSec=5 Type=forking PIDFile=/run/away.pid --logs=none --rm=false --pid-file=/run/away.pid -- \
        busybox sh -c "$heeds_term"
    systemctl start away
    id=$(container_id away)
    [ "$(cgroup_of "$(container_pid away)")" = /system.slice/away.service/payload ]
    one_keeper away
    [ "$(docker exec away echo hello)" = hello ]
    systemctl stop away
    wait_for 10 no_cgroup_named "$id"
    wait_for 5 no_process docker-scope
}

# The engine of this host, from now on.
cgroupfs_engine() {
    sed -i 's/cgroupdriver=systemd/cgroupdriver=cgroupfs/' /etc/docker/daemon.json
    systemctl restart docker
    [ "$(docker info -f '{{.CgroupDriver}}')" = cgroupfs ]
}
