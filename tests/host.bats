#!/usr/bin/env bats
# The host that all other tests stand on is honest: a real systemd, a real engine, walls that hold.

load lib/host

@test "PID 1 is a real systemd that has booted, with nothing failed" {
    [ "$(cat /proc/1/comm)" = systemd ]
    [ "$(systemctl is-system-running)" = running ]
    [[ "$(systemctl --version)" =~ ^systemd\ 2[0-9][0-9] ]]
}

@test "systemd-run and D-Bus work" {
    [ "$(systemd-run --quiet --wait --pipe echo hi)" = hi ]
    busctl --system status org.freedesktop.systemd1 | grep -q ^PID=1
}

@test "the engine is a real dockerd, a service of this systemd, that runs containers" {
    [ "$(cat /proc/"$(unit_property docker MainPID)"/comm)" = dockerd ]
    [ "$(docker run --rm busybox echo hi)" = hi ]
    [ "$(docker info -f '{{.CgroupDriver}} {{.CgroupVersion}} {{.LiveRestoreEnabled}}')" = "systemd 2 false" ]
}

@test "mounts are shared, as systemd has them on a machine" {
    [ "$(findmnt -n -o PROPAGATION /)" = shared ]
    mkdir /tmp/shared
    systemd-run --quiet --wait -p PrivateMounts=yes true
    docker run --rm -v /tmp/shared:/shared:rslave busybox true
    rmdir /tmp/shared
}

@test "a container's processes are in a scope of this systemd" {
    docker run -d --name scope busybox sleep 60
    id=$(docker inspect -f '{{.Id}}' scope)
    [ "$(systemctl is-active "docker-$id.scope")" = active ]
    grep -q "^0::/system.slice/docker-$id.scope$" "/proc/$(container_pid scope)/cgroup"
}

@test "the device filter is real: a default container cannot open c 10 229, the host can" {
    : </dev/fuse
    run docker run --rm busybox sh -c 'mknod /tmp/f c 10 229 && : </tmp/f'
    [ "$status" -ne 0 ]
    [[ "$output" == *"Operation not permitted"* ]]
    docker run --rm --device /dev/fuse busybox sh -c ': </dev/fuse'
}

@test "the default bridge network carries a published port to a real nginx" {
    import_image nginx
    docker run -d --name web -p 8080:80 nginx
    wait_for 5 curl -fsS -o "$BATS_TEST_TMPDIR/page" http://127.0.0.1:8080/
    grep -q 'nginx says hello' "$BATS_TEST_TMPDIR/page"
    [ "$(docker top web -o pid,comm | grep -c nginx)" -eq 3 ]
}

@test "a delegated unit has its cgroup below /system.slice and may divide it" {
    write_unit delegated <<'UNIT'
[Service]
Delegate=yes
ExecStart=sh -c 'mkdir /sys/fs/cgroup/system.slice/delegated.service/part && \
    echo $$$$ >/sys/fs/cgroup/system.slice/delegated.service/part/cgroup.procs && echo divided && exec sleep 60'
UNIT
    systemctl start delegated
    wait_for 5 journal_has delegated divided
    [ "$(unit_processes delegated part)" = "$(unit_property delegated MainPID)" ]
    systemctl stop delegated
    no_leftovers delegated
}

@test "the journal keeps a unit's output under its name" {
    write_unit talker <<'UNIT'
[Service]
Type=oneshot
ExecStart=sh -c 'echo to-stdout; echo to-stderr >&2'
UNIT
    systemctl start talker
    [ "$(unit_journal talker | sort)" = $'to-stderr\nto-stdout' ]
}

@test "nothing of the machine is to be seen: processes, cgroups, network, sockets" {
    run grep -l "^0::/\.\." /proc/[0-9]*/cgroup
    [ "$status" -ne 0 ]
    [ -z "$(find /sys/fs/cgroup -name 'systemd-ctr-tests*')" ]
    [ "$(ip -o link | grep -vcE ' (lo|docker0|veth[^ ]*):? ')" -eq 0 ]
    [ ! -e /machine ]
    run touch /project/touched
    [ "$status" -ne 0 ]
}
