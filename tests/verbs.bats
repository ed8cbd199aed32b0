#!/usr/bin/env bats
# cleanup, status, check.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

@test "cleanup: nothing to do is success, twice" {
    systemd-ctr cleanup no-such-container
    systemd-ctr cleanup no-such-container
}

@test "cleanup leaves alone what is not ours" {
    docker run -d --name stranger busybox sleep 1000
    systemd-ctr cleanup stranger
    [ "$(docker inspect -f '{{.State.Running}}' stranger)" = true ]
}

@test "cleanup by hand does not touch what a unit supervises, wherever it lives" {
    for options in --cgroup-mode=move --cgroup-mode=none \
        'Type=forking PIDFile=/run/busy.pid --pid-file=/run/busy.pid --logs=none --rm=false'; do
        read -r -a words <<<"$options"
        container_unit busy "${words[@]}" -- busybox sh -c "$heeds_term"
        systemctl start busy
        run -0 systemd-ctr cleanup busy
        [[ "$output" == *"is supervised by busy.service: stop that unit instead"* ]]
        [ "$(unit_property busy ActiveState)" = active ]
        [ "$(docker inspect -f '{{.State.Running}}' busy)" = true ]
        systemctl stop busy
        docker rm -f busy
    done
}

@test "cleanup ends a running container that nobody supervises any more" {
    container_unit left KillMode=process ExecStopPost= -- --rm busybox sh -c "$heeds_term"
    systemctl start left
    kill -KILL "$(unit_property left MainPID)"
    wait_for 5 unit_is_down left
    [ "$(docker inspect -f '{{.State.Running}}' left)" = true ]
    systemd-ctr cleanup left
    run ! container_exists left
    systemd-ctr cleanup left
}

# What docker create or the unit under a former name made has no label that says so.
@test "a container that --rm=false started and the unit did not make is the unit's while it runs" {
    for label in x=y io.systemd-ctr.unit=former.service; do
        docker create --name made --label "$label" busybox sh -c "$heeds_term"
        id=$(docker inspect -f '{{.Id}}' made)
        container_unit made --cgroup-mode=none StartLimitInterval=0 -- --rm=false busybox true
        systemctl start made
        run -0 systemd-ctr cleanup made
        [[ $output == *"supervised by made.service"* ]]
        kill -KILL "$(unit_property made MainPID)"
        wait_for 20 unit_is_down made
        [ "$(docker inspect -f '{{.Id}} {{.State.Running}}' made)" = "$id false" ]
        [ ! -e /run/systemd-ctr/containers/made ]
        [ ! -e /run/systemd-ctr/owners/made ]

        # Without a cleanup the next start finds it running.
        container_unit made --cgroup-mode=none KillMode=process ExecStopPost= StartLimitInterval=0 -- \
            --rm=false busybox true
        systemctl start made
        pid=$(container_pid made)
        kill -KILL "$(unit_property made MainPID)"
        wait_for 20 unit_is_down made
        systemctl start made
        [ "$(container_pid made)" = "$pid" ]
        systemctl stop made
        [ "$(docker inspect -f '{{.Id}} {{.State.Running}}' made)" = "$id false" ]
        [ ! -e /run/systemd-ctr/containers/made ]
        [ ! -e /run/systemd-ctr/owners/made ]
        docker rm made
    done
}

@test "--rm=false: a running container is adopted as it is, whatever the unit says by now" {
    container_unit kept --cgroup-mode=none KillMode=process ExecStopPost= -- --rm=false busybox sh -c "$heeds_term"
    systemctl start kept
    id=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' kept)
    kill -KILL "$(unit_property kept MainPID)"
    wait_for 5 unit_is_down kept
    systemctl reset-failed kept
    container_unit kept --cgroup-mode=none -- --rm=false -e NEW=1 busybox sh -c "$heeds_term"
    systemctl start kept
    journal_has kept "with --rm=false it is used as it is"
    [ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' kept)" = "$id" ]
}

@test "such a container is the unit's still when a cleanup finds no engine, and then ends with it" {
    docker create --name held busybox sh -c "$heeds_term"
    container_unit held --cgroup-mode=none StartLimitInterval=0 -- --rm=false busybox true
    systemctl start held
    pid=$(container_pid held)
    dockerd=$(unit_property docker MainPID)
    kill -STOP "$dockerd"
    kill -KILL "$(unit_property held MainPID)"
    wait_for 60 unit_is_down held || down=no
    kill -CONT "$dockerd"
    [ -z "${down:-}" ]
    [ ! -e /run/systemd-ctr/containers/held ]
    # Docker's scope is not the unit's, and goes on.
    [ "$(container_pid held)" = "$pid" ]
    systemctl start held
    [ "$(container_pid held)" = "$pid" ]
    systemctl stop held
    [ "$(docker inspect -f '{{.State.Running}}' held)" = false ]
    [ ! -e /run/systemd-ctr/owners/held ]
}

@test "what a unit has started once and somebody else starts later is not the unit's" {
    docker create --name lent busybox sh -c "$heeds_term"
    container_unit lent -- --rm=false busybox true
    systemctl start lent
    systemctl stop lent
    docker start lent
    systemd-ctr cleanup lent
    run ! systemctl start lent
    wait_for 5 journal_has lent "that systemd-ctr did not start"
    [ "$(docker inspect -f '{{.State.Running}}' lent)" = true ]
}

@test "cleanup does not remove what others made, even if it never ran" {
    docker create --name fresh busybox true
    mkdir -p /run/systemd-ctr/owners
    printf '%s fresh.service' "$(docker inspect -f '{{.Id}}' fresh)" >/run/systemd-ctr/owners/fresh
    systemd-ctr cleanup fresh
    container_exists fresh
    [ ! -e /run/systemd-ctr/owners/fresh ]
}

@test "cleanup --pid-file removes it too" {
    echo 1 >/run/stale.pid
    systemd-ctr --pid-file=/run/stale.pid cleanup no-such-container
    [ ! -e /run/stale.pid ]
}

# fake_engine NAME: answers at unix:///run/fake.sock to what is asked of container NAME as the engine
# does now, and with an error to what is to be done to it.
fake_engine() {
    curl -sS --unix-socket /run/docker.sock "http://d/containers/$1/json" >"$BATS_TEST_TMPDIR/inspect"
    cat >"$BATS_TEST_TMPDIR/answer" <<'ANSWER'
read -r method path _
while read -r line && [[ $line != $'\r' ]]; do :; done
status=500 body='{"message":"not today"}'
case $method$path in
*/_ping) status=200 body=OK ;;
GET*/json*) status=200 body=$(<"${0%/*}/inspect") ;;
esac
printf 'HTTP/1.1 %s X\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nConnection: close\r\n' "$status"
printf 'Content-Length: %s\r\n\r\n%s' "${#body}" "$body"
ANSWER
    systemd-socket-activate --accept --inetd --listen=/run/fake.sock \
        bash "$BATS_TEST_TMPDIR/answer" 2>/dev/null 3>&- &
    wait_for 5 test -S /run/fake.sock
}

@test "cleanup in a unit ends what takes no engine, if there is none or it refuses" {
    for engine in nowhere fake; do
        name=with-$engine
        docker create --name "$name" busybox sh -c "$heeds_term"
        container_unit "$name" --cgroup-mode=none "--pid-file=/run/$name.pid" --ready=started ExecStopPost= \
            "ExecStopPost=/usr/bin/systemd-ctr -H unix:///run/$engine.sock --engine-wait=0 --pid-file=/run/$name.pid cleanup $name" \
            -- --rm=false --health-cmd true busybox true
        systemctl start "$name"
        [ -e "/run/$name.pid" ]
        [ "$engine" = nowhere ] || fake_engine "$name"
        kill -KILL "$(unit_property "$name" MainPID)"
        wait_for 10 unit_is_down "$name"
        [ ! -e "/run/$name.pid" ]
        [ ! -e "/run/systemd-ctr/containers/$name" ]
        # For all that it knows the container runs on.
        [ -e "/run/systemd-ctr/owners/$name" ]
        systemd-ctr cleanup "$name"
        [ ! -e "/run/systemd-ctr/owners/$name" ]
    done
    kill "$!"
    wait_for 5 journal_has with-fake "not today"
}

@test "cleanup in a unit whose container's name a stranger has ends what the unit left, and nothing of the stranger's" {
    for whose in nobody unit; do
        if [[ $whose == nobody ]]; then
            docker run -d --name taken busybox sleep 1000
            echo 1 >/run/taken.pid
        else
            container_unit taken --pid-file=/run/taken.pid --ready=started -- --rm --health-cmd true \
                busybox sh -c "$heeds_term"
            systemctl start taken
        fi
        write_unit second <<UNIT
[Service]
Delegate=yes
ExecStart=/usr/bin/systemd-ctr run --name taken busybox true
ExecStopPost=/usr/bin/systemd-ctr --pid-file=/run/taken.pid cleanup taken
UNIT
        # As one that was killed leaves it.
        mkdir -p /run/systemd-ctr/containers/taken
        systemctl start second || true
        wait_for 20 unit_is_down second
        wait_for 5 journal_has second "left alone"
        [ "$(docker inspect -f '{{.State.Running}}' taken)" = true ]
        if [[ $whose == nobody ]]; then
            [ ! -e /run/taken.pid ]
            [ ! -e /run/systemd-ctr/containers/taken ]
            docker rm -f taken
        else
            [ "$(cat /run/taken.pid)" = "$(container_pid taken)" ]
            systemd-ctr healthcheck taken
            [ "$(systemd-ctr status --json taken | jq -r .Health.Status)" = healthy ]
        fi
    done
}

@test "status tells state, PID, cgroup and mode, for people and for programs" {
    container_unit told -- --rm --health-cmd true --health-interval 200ms busybox sh -c "$heeds_term"
    systemctl start told
    systemd-ctr status told | grep -q running
    systemd-ctr status told --json >"$BATS_TEST_TMPDIR/status"
    [ "$(jq -r .unit "$BATS_TEST_TMPDIR/status")" = told.service ]
    [ "$(jq -r .pid "$BATS_TEST_TMPDIR/status")" = "$(container_pid told)" ]
    [ "$(jq -r .cgroup "$BATS_TEST_TMPDIR/status")" = /system.slice/told.service/payload ]
    [ "$(jq -r .cgroup_mode "$BATS_TEST_TMPDIR/status")" = move ]
    [ "$(jq -r .Health.Status "$BATS_TEST_TMPDIR/status")" = healthy ]
    run -1 systemd-ctr status no-such-container
}

@test "check tells what this host offers" {
    systemd-ctr check >"$BATS_TEST_TMPDIR/check"
    grep -q 'engine: Docker' "$BATS_TEST_TMPDIR/check"
    grep -q 'mode move: yes' "$BATS_TEST_TMPDIR/check"
    run -69 systemd-ctr -H unix:///nowhere check
}

@test "healthcheck runs the check now, prints what it said, and the wrapper counts the result" {
    container_unit counts --ready=started --on-unhealthy=none -- --rm \
        --health-cmd 'test ! -e /tmp/sick || { echo the disk is full; exit 3; }' --health-interval 1h \
        --health-retries 3 busybox sh -c "$heeds_term"
    systemctl start counts
    run systemd-ctr healthcheck counts
    [ "$status" = 0 ]
    [ "$(systemd-ctr status --json counts | jq -r .Health.Status)" = healthy ]
    docker exec counts touch /tmp/sick
    run systemd-ctr healthcheck counts
    [ "$status" = 1 ]
    [ "$output" = "the disk is full" ]
    # Side by side: none is lost.
    for _ in 1 2 3 4; do systemd-ctr healthcheck counts & done
    wait
    systemd-ctr status --json counts >"$BATS_TEST_TMPDIR/status"
    [ "$(jq .Health.FailingStreak "$BATS_TEST_TMPDIR/status")" = 5 ]
    [ "$(jq -r .Health.Status "$BATS_TEST_TMPDIR/status")" = unhealthy ]
    [ "$(jq '.Health.Log | length' "$BATS_TEST_TMPDIR/status")" = 5 ]
    [ "$(jq -r '.Health.Log[4] | "\(.ExitCode) \(.Output)"' "$BATS_TEST_TMPDIR/status")" = "3 the disk is full" ]
    wait_for 5 status_says counts "the disk is full"
    run systemd-ctr status counts
    [[ "$output" == *"health: unhealthy, failing streak 5"* ]]
    [ "$(stat -c %a /run/systemd-ctr/containers/counts)" = 700 ]
    systemctl stop counts
    [ ! -e /run/systemd-ctr/containers/counts ]
}

@test "healthcheck of a probe of ours, of no check, of no container" {
    container_unit probed --probe=tcp://127.0.0.1:80 -- --rm --health-interval 500ms busybox sh -c "httpd -p 80; $heeds_term"
    systemctl start probed
    systemd-ctr healthcheck probed
    docker exec probed killall httpd
    run systemd-ctr healthcheck probed
    [ "$status" = 1 ]
    [[ "$output" == *"Connection refused"* ]]
    container_unit unchecked -- --rm busybox sh -c "$heeds_term"
    systemctl start unchecked
    run systemd-ctr healthcheck unchecked
    [ "$status" = 125 ]
    [[ "$output" == *"has no health check"* ]]
    run systemd-ctr healthcheck nobody
    [ "$status" = 125 ]
}

@test "kill -9 of the wrapper leaves nothing in the runtime directory" {
    container_unit gone -- --rm --health-cmd true --health-interval 200ms busybox sh -c "$heeds_term"
    systemctl start gone
    [ -e /run/systemd-ctr/containers/gone/health.json ]
    kill -KILL "$(unit_property gone MainPID)"
    wait_for 5 no_leftovers gone
    wait_for 5 unit_is_down gone
    [ ! -e /run/systemd-ctr/containers/gone ]
}
