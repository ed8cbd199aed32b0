#!/usr/bin/env bats
# host: vm
# Limits, the container's and the unit's, where the kernel has all controllers: in force in the
# payload before the container is there, and what comes of them. Emulation is slow: a start takes
# seconds, so a container shows more than one thing.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

# In the container; 200 MB in one piece.
readonly allocates='dd if=/dev/zero of=/dev/null bs=200M count=1'

# payload NAME FILE: what the container's cgroup says.
payload() {
    cat "$system_slice/$1.service/payload/$2"
}

# count_of FILE KEY: of a flat keyed file.
count_of() {
    awk -v key="$2" '$1 == key { print $2 }' "$1"
}

is_killed_off() {
    unit_is_down "$1" && [ "$(exit_status_of "$1")" = 137 ]
}

@test "the limits of docker run hold in the payload, before the first process is there" {
    # Forks through the move, more than it may: a limit that came late would be seen as a higher peak.
    container_unit walls -- --rm --network none -m 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512 \
        --cpuset-cpus 1 busybox sh -c \
        'sh -c "i=0; while [ \$i -lt 300 ]; do sleep 1000 & i=\$((i+1)); done" 2>/dev/null; exec sleep 1000'
    systemctl start walls
    [ "$(cgroup_of "$(container_pid walls)")" = /system.slice/walls.service/payload ]
    [ "$(payload walls memory.max)" = 67108864 ]
    # As much swap as memory, says docker run where --memory-swap is silent.
    [ "$(payload walls memory.swap.max)" = 67108864 ]
    [ "$(payload walls cpu.max)" = "50000 100000" ]
    [ "$(payload walls cpu.weight)" = 20 ]
    [ "$(payload walls cpuset.cpus)" = 1 ]
    [ "$(payload walls pids.max)" = 50 ]
    [ "$(payload walls pids.peak)" -le 50 ]
    [ -z "$(processes_outside walls "$(container_pid walls)")" ]
}

@test "so do those that the container was made with: reservation, swap, I/O; docker update acts no more, set-property does" {
    docker create --name made --network none -m 64m --memory-swap 96m --memory-reservation 32m \
        --cpu-period 50000 --cpu-quota 10000 --cpuset-mems 0 --blkio-weight 200 \
        --device-write-bps /dev/vda:1mb --device-read-iops /dev/vda:500 busybox sh -c "$heeds_term"
    container_unit made --rm=false -- busybox
    systemctl start made
    [ "$(payload made memory.max)" = 67108864 ]
    [ "$(payload made memory.swap.max)" = 33554432 ]
    [ "$(payload made memory.low)" = 33554432 ]
    [ "$(payload made cpu.max)" = "10000 50000" ]
    [ "$(payload made cpuset.mems)" = 0 ]
    [ "$(payload made io.max)" = "254:0 rbps=max wbps=1048576 riops=500 wiops=max" ]
    [[ "$(payload made io.weight)" == "default "* ]]
    # Docker writes to the cgroup that it made, which is gone.
    run docker update -m 128m --memory-swap 128m made
    [ "$status" -eq 1 ]
    [[ "$output" == *"scope not found"* ]]
    [ "$(payload made memory.max)" = 67108864 ]
    # The unit's own limit can be set at any time.
    systemctl set-property --runtime made.service MemoryMax=48M
    [ "$(cat "$system_slice/made.service/memory.max")" = 50331648 ]
}

@test "a limit that cannot be carried fails the start, which names it" {
    container_unit bare Delegate=no -- --rm --network none -m 64m busybox sleep 1000
    run systemctl start bare
    [ "$status" -ne 0 ]
    [ "$(exit_status_of bare)" = 125 ]
    unit_journal bare | grep -F 'limit memory.max=67108864 cannot be carried'
    unit_journal bare | grep -F 'without Delegate=yes'
    run ! container_exists bare
}

@test "beyond the container's limit: killed, status 137, the journal and the status line say OOM" {
    container_unit greedy -- --rm --network none -m 64m busybox sh -c \
        "sleep 2; $allocates; sleep 5; exec $allocates"
    systemctl start greedy
    limit='OOM.*memory limit of the container \(memory.max 67108864\)'
    # A process of it.
    wait_for 120 journal_has greedy 'the kernel killed a process'
    unit_journal greedy | grep -E "$limit"
    unit_property greedy StatusText | grep -E "$limit"
    # All of it.
    wait_for 120 is_killed_off greedy
    [ "$(unit_property greedy Result)" = exit-code ]
    unit_property greedy StatusText | grep -E "ended: out of memory.*$limit"
    unit_journal greedy | grep -E "greedy was killed: out of memory.*$limit"
    no_leftovers greedy
}

@test "beyond the unit's MemoryMax= likewise" {
    container_unit bounded MemoryMax=64M -- --rm --network none busybox sh -c "sleep 2; exec $allocates"
    systemctl start bounded
    wait_for 120 is_killed_off bounded
    limit='OOM.*memory limit of the unit \(MemoryMax=67108864\)'
    unit_property bounded StatusText | grep -E "ended: out of memory.*$limit"
    unit_journal bounded | grep -E "bounded was killed: out of memory.*$limit"
    no_leftovers bounded
}

@test "an adopted container that made a cgroup of its own below: its limit is told as before" {
    container_unit below KillMode=process ExecStopPost= --cgroup-mode=none -- --rm --network none -m 64m busybox sh -c \
        "trap 'exit 143' TERM; until [ -e /go ]; do sleep 1; done; $allocates; while :; do sleep 1; done"
    systemctl start below
    scope=$system_slice/docker-$(docker inspect -f '{{.Id}}' below).scope
    kill -KILL "$(unit_property below MainPID)"
    wait_for 30 unit_is_down below
    mkdir "$scope/init"
    pid=$(container_pid below)
    echo "$pid" >"$scope/init/cgroup.procs"
    systemctl reset-failed below
    systemctl start below
    docker exec below touch /go
    wait_for 120 journal_has below 'the kernel killed a process: memory limit of the container (memory.max 67108864)'
}

@test "a kill of another kind is not called OOM" {
    container_unit shot -- --rm --network none -m 64m busybox sh -c "$heeds_term"
    systemctl start shot
    kill -KILL "$(container_pid shot)"
    wait_for 120 is_killed_off shot
    run ! journal_has shot OOM
    [[ "$(unit_property shot StatusText)" != *OOM* ]]
}

@test "the unit's TasksMax= and CPUQuota= act on the container" {
    container_unit narrow TasksMax=30 -- --rm --network none busybox sh -c \
        'i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i+1)); done'
    # It may end before it is ready, or after.
    systemctl start narrow || true
    wait_for 120 journal_has narrow "can't fork"
    wait_for 120 unit_is_down narrow
    [ "$(exit_status_of narrow)" != 0 ]

    container_unit slow CPUQuota=20% -- --rm --network none busybox sh -c 'while :; do :; done'
    systemctl start slow
    unit=$system_slice/slow.service
    throttled=$(count_of "$unit/cpu.stat" nr_throttled)
    wait_for 120 more_throttled "$unit" "$throttled"
}

more_throttled() {
    [ "$(count_of "$1/cpu.stat" nr_throttled)" -gt $(($2 + 5)) ]
}
