#!/usr/bin/env bats
# systemd-ctr-runtime and its registration with dockerd, whose cgroup driver is systemd. What the
# supervisor does is done by hand here: a unit with the two groups, and the hand-over file.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

readonly settings=/etc/docker/daemon.json
readonly hand_overs=/run/systemd-ctr/runtime

setup() {
    systemd-ctr setup-runtime
}

teardown() {
    if [[ -z ${BATS_TEST_COMPLETED:-} && -e $BATS_TEST_TMPDIR/units ]]; then
        show_units
    fi
    end_units
    rm -rf "$hand_overs" /etc/systemd-ctr/runtime
}

runtime_is_known() {
    docker info -f '{{json .Runtimes}}' | jq -e '.["systemd-ctr"]' >/dev/null
}

runtime_is_unknown() {
    ! runtime_is_known
}

# delegated_unit NAME: one that runs, its process in NAME.service/supervisor.
delegated_unit() {
    write_unit "$1" <<UNIT
[Service]
Type=notify
NotifyAccess=all
Delegate=yes
KillMode=mixed
ExecStart=/bin/sh -ec 'cd $system_slice/$1.service; mkdir supervisor payload; echo 0 >supervisor/cgroup.procs; systemd-notify --ready; exec sleep 1000'
UNIT
    systemctl start "$1"
}

# create NAME DOCKER-ARGUMENT...: a container of our runtime; sets id.
create() {
    id=$(docker create --name "$1" --runtime=systemd-ctr "${@:2}")
}

# hand_over TEXT: to the container that create() made.
hand_over() {
    mkdir -p /run/systemd-ctr
    [[ -d $hand_overs ]] || mkdir -m 700 "$hand_overs"
    printf '%s\n' "$1" >"$hand_overs/$id"
}

# no_cgroup_of ID: for wait_for.
no_cgroup_of() {
    [[ -z $(find /sys/fs/cgroup -name "*$1*") ]]
}

@test "setup-runtime keeps what else is in daemon.json, again and again; --remove undoes it" {
    systemd-ctr setup-runtime --remove
    runtime_is_unknown
    chmod 640 "$settings"
    cp -a "$settings" "$BATS_TEST_TMPDIR/before"
    systemd-ctr setup-runtime
    runtime_is_known
    [ "$(jq -cS 'del(.runtimes)' "$settings")" = "$(jq -cS . "$BATS_TEST_TMPDIR/before")" ]
    [ "$(jq -r '.runtimes["systemd-ctr"].path' "$settings")" = /usr/bin/systemd-ctr-runtime ]
    [ "$(stat -c %a "$settings")" = 640 ]
    cmp "$settings.before-systemd-ctr" "$BATS_TEST_TMPDIR/before"

    cp -a "$settings" "$BATS_TEST_TMPDIR/after"
    systemd-ctr setup-runtime
    cmp "$settings" "$BATS_TEST_TMPDIR/after"
    [ "$(stat -c %y "$settings")" = "$(stat -c %y "$BATS_TEST_TMPDIR/after")" ]

    systemd-ctr setup-runtime --remove
    runtime_is_unknown
    cmp "$settings" "$BATS_TEST_TMPDIR/before"
    [ "$(stat -c '%a %y' "$settings")" = "$(stat -c '%a %y' "$BATS_TEST_TMPDIR/before")" ]
    [ ! -e "$settings.before-systemd-ctr" ]
    run -0 systemd-ctr setup-runtime --remove
    [[ "$output" == *"is not registered"* ]]
}

@test "a dockerd that was not reloaded is, although daemon.json says it already" {
    cp "$settings" "$BATS_TEST_TMPDIR/registered"
    systemd-ctr setup-runtime --remove
    cp "$BATS_TEST_TMPDIR/registered" "$settings"
    runtime_is_unknown
    systemd-ctr setup-runtime
    runtime_is_known
}

@test "setup-runtime touches nothing that it cannot read, and restores what dockerd does not take" {
    systemd-ctr setup-runtime --remove
    printf '{"debug": true,}' >"$BATS_TEST_TMPDIR/broken.json"
    run -125 systemd-ctr setup-runtime --config="$BATS_TEST_TMPDIR/broken.json"
    [[ "$output" == *"broken.json is not valid JSON"* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/broken.json")" = '{"debug": true,}' ]

    # dockerd does not read this one.
    printf '{"debug": true}' >"$BATS_TEST_TMPDIR/other.json"
    run -125 systemd-ctr setup-runtime --config="$BATS_TEST_TMPDIR/other.json"
    [[ "$output" == *"does not know the runtime"* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/other.json")" = '{"debug": true}' ]
    [ "$(ls "$BATS_TEST_TMPDIR")" = $'broken.json\nother.json' ]

    # And this it refuses to read.
    cp -a "$settings" "$BATS_TEST_TMPDIR/before"
    jq '.["no-such-setting"] = 1' "$BATS_TEST_TMPDIR/before" >"$settings"
    cp -a "$settings" "$BATS_TEST_TMPDIR/refused"
    run -125 systemd-ctr setup-runtime
    cmp "$settings" "$BATS_TEST_TMPDIR/refused"
    cp -a "$BATS_TEST_TMPDIR/before" "$settings"
}

@test "setup-runtime without an engine, of another host, or wrongly called changes nothing" {
    systemd-ctr setup-runtime --remove
    cp -a "$settings" "$BATS_TEST_TMPDIR/before"
    run -69 systemd-ctr -H unix:///nonexistent.sock setup-runtime
    run -64 systemd-ctr -H tcp://127.0.0.1:1 setup-runtime
    run -64 systemd-ctr setup-runtime --runtime=/usr/bin/systemd-ctr-runtime
    run -125 systemd-ctr setup-runtime --runtime=/nonexistent
    run -64 systemd-ctr setup-runtime web
    cmp "$settings" "$BATS_TEST_TMPDIR/before"
}

@test "setup-runtime for root's engine is root's to run" {
    chmod o+rw /run/docker.sock
    home=$(mktemp -d)
    chmod 777 "$home"
    run -125 setpriv --reuid=65534 --regid=65534 --clear-groups \
        env -u XDG_CONFIG_HOME HOME="$home" systemd-ctr setup-runtime
    chmod o-rw /run/docker.sock
    [[ "$output" == *"is root's: run setup-runtime as root (sudo)"* ]]
    rmdir "$home"
}

@test "without a service manager it says what to do, and goes on from there" {
    systemd-ctr setup-runtime --remove
    cp -a "$settings" "$BATS_TEST_TMPDIR/before"
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
    run -125 systemd-ctr setup-runtime
    [[ "$output" == *"send dockerd a SIGHUP, then run this again"* ]]
    kill -HUP "$(unit_property docker MainPID)"
    wait_for 5 runtime_is_known
    systemd-ctr setup-runtime
    run -125 systemd-ctr setup-runtime --remove
    kill -HUP "$(unit_property docker MainPID)"
    wait_for 5 runtime_is_unknown
    systemd-ctr setup-runtime --remove
    cmp "$settings" "$BATS_TEST_TMPDIR/before"
    [ ! -e "$settings.before-systemd-ctr" ]
}

@test "--remove leaves a runtime alone that containers get by default" {
    cp -a "$settings" "$BATS_TEST_TMPDIR/registered"
    jq '.["default-runtime"] = "systemd-ctr"' "$BATS_TEST_TMPDIR/registered" >"$settings"
    run -125 systemd-ctr setup-runtime --remove
    [[ "$output" == *"default-runtime"* ]]
    runtime_is_known
    cp -a "$BATS_TEST_TMPDIR/registered" "$settings"
}

@test "a container that nobody handed over runs as with runc" {
    run -0 docker run --rm --runtime=systemd-ctr busybox echo it runs
    [ "$output" = "it runs" ]
    run -7 docker run --rm --runtime=systemd-ctr busybox sh -c 'exit 7'
    docker run -d --name plain --runtime=systemd-ctr busybox sh -c "$heeds_term"
    plain=$(docker inspect -f '{{.Id}}' plain)
    [ "$(cgroup_of "$(container_pid plain)")" = "/system.slice/docker-$plain.scope" ]
    docker rm -f plain
    wait_for 5 no_cgroup_of "$plain"
}

@test "a container that is handed over is born in the unit; Docker's tools work; nothing is left" {
    delegated_unit born
    create born busybox sh -c "$heeds_term"
    hand_over /system.slice/born.service/payload
    docker start born
    group=/system.slice/born.service/payload/$id
    pid=$(container_pid born)
    [ "$(cgroup_of "$pid")" = "$group" ]
    [ ! -e "$hand_overs/$id" ]
    [ -z "$(find /sys/fs/cgroup -name "docker-$id.scope")" ]
    # Not even at its beginning was it elsewhere: no scope was ever made.
    run ! journalctl --no-pager -q --grep "docker-$id.scope"

    [[ "$(docker top born)" == *"sleep 1000"* ]]
    docker stats --no-stream born
    docker pause born
    grep -x 'frozen 1' "/sys/fs/cgroup$group/cgroup.events"
    docker unpause born
    grep -x 'frozen 0' "/sys/fs/cgroup$group/cgroup.events"
    docker update --cpu-shares 512 born
    docker exec -d born sleep 777
    wait_for 5 pgrep -x -f 'sleep 777'
    [ "$(cgroup_of "$(pgrep -x -f 'sleep 777')")" = "$group" ]
    run docker exec born sh -c 'mknod /tmp/f c 10 229 && : </tmp/f'
    [[ "$output" == *"can't open /tmp/f: Operation not permitted"* ]]
    docker kill -s HUP born
    docker stop -t 5 born
    [ "$(docker inspect -f '{{.State.ExitCode}}' born)" = 143 ]
    wait_for 5 no_cgroup_of "$id"
    docker rm born
    [ "$(unit_property born ActiveState)" = active ]
    systemctl stop born
    [ ! -e "$system_slice/born.service" ]
}

@test "with --device that device opens in the unit, and what is killed leaves nothing either" {
    delegated_unit device
    create device --device /dev/fuse busybox sleep 1000
    hand_over /system.slice/device.service/payload
    docker start device
    docker exec device sh -c ': </dev/fuse'
    run docker exec device sh -c 'mknod /tmp/loop b 7 0 && : </tmp/loop'
    [[ "$output" == *"Operation not permitted"* ]]
    kill -KILL "$(container_pid device)"
    wait_for 5 no_cgroup_of "$id"
    # A container is handed over for one start: the next one is nobody's, or handed over again.
    docker start device
    [ "$(cgroup_of "$(container_pid device)")" = "/system.slice/docker-$id.scope" ]
    docker stop -t 0 device
    hand_over /system.slice/device.service/payload
    docker start device
    [ "$(cgroup_of "$(container_pid device)")" = "/system.slice/device.service/payload/$id" ]
}

@test "a container that ends at once leaves no group" {
    delegated_unit brief
    for command in true false /nonexistent; do
        create brief busybox "$command"
        hand_over /system.slice/brief.service/payload
        docker start -a brief || true
        docker rm brief
        wait_for 5 no_cgroup_of "$id"
        [ -z "$(find "$hand_overs" -type f)" ]
    done
    [ -z "$(find "$system_slice/brief.service/payload" -mindepth 1 -type d)" ]
}

@test "a hand-over that cannot be used fails the start, with a sentence, once" {
    create broken busybox true
    for text in ../x /system.slice '' "/system.slice/x.service/../docker.service/payload"; do
        hand_over "$text"
        run ! docker start broken
        [[ "$output" == *"hand-over file of container ${id:0:12} cannot be used: it holds no payload"* ]]
    done
    ln -s /etc/passwd "$hand_overs/$id"
    run ! docker start broken
    [[ "$output" == *"it is not a file of this user alone"* ]]
    hand_over /system.slice/gone.service/payload
    run ! docker start broken
    [[ "$output" == *"container ${id:0:12} belongs in the cgroup /system.slice/gone.service/payload, which is not there"* ]]
    [ ! -e "$system_slice/gone.service" ]
    docker start -a broken
}

@test "it survives a reload and a restart of dockerd" {
    delegated_unit lasting
    create lasting busybox sh -c "$heeds_term"
    hand_over /system.slice/lasting.service/payload
    docker start lasting
    systemctl reload docker
    docker exec lasting true
    # Without live-restore dockerd takes its containers down: by our delete.
    systemctl restart docker
    wait_for 10 runtime_is_known
    wait_for 5 no_cgroup_of "$id"
    hand_over /system.slice/lasting.service/payload
    docker start lasting
    [ "$(cgroup_of "$(container_pid lasting)")" = "/system.slice/lasting.service/payload/$id" ]
    docker rm -f lasting
    wait_for 5 no_cgroup_of "$id"
}

@test "the real runtime is what the setting says; only create of a container of ours is changed" {
    cat >"$BATS_TEST_TMPDIR/real" <<SCRIPT
#!/bin/sh
echo "\$*" >>$BATS_TEST_TMPDIR/calls
exec runc "\$@"
SCRIPT
    chmod 755 "$BATS_TEST_TMPDIR/real"
    systemd-ctr setup-runtime --runtime="$BATS_TEST_TMPDIR/real"
    [ "$(cat /etc/systemd-ctr/runtime)" = "$BATS_TEST_TMPDIR/real" ]
    docker run --rm --runtime=systemd-ctr busybox true
    grep -e ' create ' "$BATS_TEST_TMPDIR/calls" | grep -e --systemd-cgroup
    rm "$BATS_TEST_TMPDIR/calls"

    delegated_unit real
    create real busybox sh -c "$heeds_term"
    hand_over /system.slice/real.service/payload
    docker start real
    docker update --cpu-shares 512 real
    docker rm -f real
    wait_for 5 grep -q ' delete ' "$BATS_TEST_TMPDIR/calls"
    run ! grep -e ' create .*--systemd-cgroup\|--systemd-cgroup.* create ' "$BATS_TEST_TMPDIR/calls"
    for command in start update kill delete; do
        grep -e "--systemd-cgroup $command " "$BATS_TEST_TMPDIR/calls"
    done
}

@test "without a real runtime, or with itself as one, Docker shows why nothing starts" {
    for text in /nonexistent/runc:"cannot run the OCI runtime /nonexistent/runc: No such file" \
        runc:"/etc/systemd-ctr/runtime holds no absolute path" \
        /usr/bin/systemd-ctr-runtime:"names systemd-ctr-runtime itself"; do
        mkdir -p /etc/systemd-ctr
        echo "${text%%:*}" >/etc/systemd-ctr/runtime
        run ! docker run --rm --runtime=systemd-ctr busybox true
        [[ "$output" == *"${text#*:}"* ]]
        run ! systemd-ctr-runtime --version
        [[ "$output" == *"${text#*:}"* ]]
    done
}

@test "by hand it is the real runtime" {
    [ "$(systemd-ctr-runtime --version)" = "$(runc --version)" ]
    [ "$(systemd-ctr-runtime list)" = "$(runc list)" ]
    # Its message says when.
    run systemd-ctr-runtime state no-such-container
    with=$status,${output#time=*Z\" }
    run runc state no-such-container
    [ "$with" = "$status,${output#time=*Z\" }" ]
    # A text log, and a bundle that is none.
    mkdir -p "$hand_overs"
    chmod 700 "$hand_overs"
    echo nothing >"$hand_overs/abc"
    run -1 systemd-ctr-runtime --log "$BATS_TEST_TMPDIR/log" create --bundle /nonexistent abc
    [[ "$output" == "systemd-ctr-runtime: the hand-over file of container abc cannot be used"* ]]
    grep -E '^time="[-0-9T:]+Z" level=error msg="the hand-over file' "$BATS_TEST_TMPDIR/log"
}
