#!/usr/bin/env bats
# The command line at the program's border: what is printed, refused, and with which exit code.
# host: systemd

load lib/host

# refused WORDS... -- PATTERN: exit 64, nothing on stdout, one line on stderr that has PATTERN.
refused() {
    local arguments=()
    while [[ $1 != --pattern ]]; do
        arguments+=("$1")
        shift
    done
    status=0
    systemd-ctr "${arguments[@]}" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    cat "$BATS_TEST_TMPDIR/err" >&2
    [ "$status" -eq 64 ]
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
    grep -qF -- "$2" "$BATS_TEST_TMPDIR/err"
}

# body FILTER ARGUMENT...: the create request of a run line, through jq.
body() {
    local filter=$1
    shift
    systemd-ctr --dry-run "$@" 2>/dev/null | jq -c "$filter"
}

@test "what follows IMAGE belongs to the container" {
    [ "$(body .body.Cmd -- --name a busybox prog --name other --rm -d)" = '["prog","--name","other","--rm","-d"]' ]
    [ "$(body .query.name -- --name a busybox prog --name other --rm -d)" = '"a"' ]
}

@test "both start forms, shorthands and bundles" {
    for form in run --; do
        [ "$(body '[.body.Image, .body.Tty, .body.HostConfig.AutoRemove]' "$form" -itd --rm -p80:80 --name=x busybox)" = '["busybox",true,true]' ]
    done
    [ "$(body .body.Cmd run --rm -- busybox -x)" = '["-x"]' ]
}

@test "bad input: exit 64 and one sentence that names it" {
    refused -- --no-such busybox --pattern --no-such
    refused -- --memory=12q busybox --pattern 12q
    refused -- --restart=always busybox --pattern Restart=
    refused --ready=maybe -- busybox --pattern maybe
    refused -- --name x --pattern IMAGE
    refused run --pattern IMAGE
    refused frobnicate --pattern frobnicate
    refused --engine-wait=soon -- busybox --pattern soon
    refused --pid-file=relative.pid -- busybox --pattern relative.pid
    refused -H tcp://:1 --dry-run run busybox --pattern "tcp://HOST:PORT"
    refused cleanup --pattern "needs the name"
    refused --ready=notify -- busybox --pattern "add --notify"
    refused --watchdog=container -- busybox --pattern "add --notify"
}

@test "--notify without a place for its socket is refused with what to do" {
    as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env -u XDG_RUNTIME_DIR)
    run -64 "${as_nobody[@]}" systemd-ctr --notify --dry-run -- --name a1 busybox
    [[ "$output" == *"set XDG_RUNTIME_DIR"*"=%t/NAME)"* ]]
    run -0 "${as_nobody[@]}" env XDG_RUNTIME_DIR=/run/a1 systemd-ctr --notify --dry-run -- --name a1 busybox
    run -64 systemd-ctr --notify --dry-run -- --name "$(printf 'a%.0s' {1..245})" busybox
    [[ "$output" == *"too long"* ]]
}

@test "what this version does not have is refused by name" {
    refused --credentials -- busybox --pattern --credentials
    refused -- --gpus all busybox --pattern --gpus
}

@test "every ExecStart= form of the old tool is understood" {
    while read -r line; do
        # shellcheck disable=SC2086 # words
        [ "$(body .body.Image $line)" = '"nginx"' ]
    done <<'FORMS'
run --rm --name a nginx
-- --rm --name a nginx
--cgroups name=systemd run --rm --name a nginx
--cgroups name=systemd --cgroups=cpu run --rm --name a nginx
-c name=systemd -c cpu run --rm --name a nginx
--pid-file=/var/run/a.pid --env run --rm --name a nginx
-p /var/run/a.pid run --rm --name a nginx
--logs=false run --rm --name a nginx
-logs=false run --rm --name a nginx
-l=0 run --rm -name a nginx
-l=0 -e run --rm --name=a nginx
FORMS
}

@test "--dry-run needs no engine, and its plan is on stderr" {
    systemd-ctr -H unix:///nowhere --dry-run -- --name a busybox >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    [ "$(jq -r .query.name "$BATS_TEST_TMPDIR/out")" = a ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 1 ]
    grep -q 'READY=1 when started, or healthy' "$BATS_TEST_TMPDIR/err"
    grep -q 'pulled if it is missing' "$BATS_TEST_TMPDIR/err"
    systemd-ctr --probe=tcp://127.0.0.1:80 --startup-probe=exec:true --wait-before-notify=90s --dry-run run busybox \
        2>"$BATS_TEST_TMPDIR/err" >/dev/null
    grep -q 'healthy: as tcp://127.0.0.1:80 says' "$BATS_TEST_TMPDIR/err"
    grep -q 'not before exec:true has passed' "$BATS_TEST_TMPDIR/err"
    grep -q 'READY=1 when healthy' "$BATS_TEST_TMPDIR/err"
    grep -q 'READY=1 not before the container has lived for 1min 30s' "$BATS_TEST_TMPDIR/err"
}

@test "--help and --version want nothing but their output to arrive" {
    for option in --help --version; do
        DOCKER_HOST=ssh://me@elsewhere systemd-ctr "$option" | grep -q systemd-ctr
        run -125 sh -c "systemd-ctr $option >/dev/full"
    done
}

@test "--help fits 80 columns, --version names the program, the man page is installed" {
    [ "$(systemd-ctr --help | awk 'length > 80' | wc -l)" -eq 0 ]
    systemd-ctr --help | grep -q -- --wait-before-notify
    [[ "$(systemd-ctr --version)" == "systemd-ctr "* ]]
    [ -s /usr/share/man/man1/systemd-ctr.1 ]
}

@test "--help and the manual name the same options, the README those of our own" {
    systemd-ctr --help | grep -oE -- '--[a-z][a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/help"
    sed 's/\\-/-/g' /usr/share/man/man1/systemd-ctr.1 | grep -oE -- '--[a-z][a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/manual"
    [ -z "$(comm -23 "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/manual")" ]
    systemd-ctr --help | sed '/^DOCKER-RUN/,$d' | grep -oE '^ .{5,6}--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' |
        sort -u >"$BATS_TEST_TMPDIR/own"
    grep -oE -- '--[a-z][a-z-]+' /project/README.md | sort -u >"$BATS_TEST_TMPDIR/readme"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/own")" -gt 15 ]
    [ -z "$(comm -23 "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/readme")" ]
}

@test "an engine that is not there: 69, after --engine-wait" {
    run -69 systemd-ctr -H unix:///nowhere/docker.sock --engine-wait=300ms -- --name a busybox
    [[ "$output" == *"/nowhere/docker.sock"*" within 300ms "* ]]
    run -69 systemd-ctr -H unix:///nowhere/docker.sock --engine-wait=0 -- --name a busybox
    [[ "$output" != *" within "* ]]
    systemd-ctr --engine-wait=0 run --rm busybox true
}

@test "the same create request as the docker CLI sends" {
    arguments=(--name same --hostname h -e A=b -v /tmp:/mnt:ro -p 127.0.0.1:8080:80
        --cap-drop ALL --label l=v --ulimit nofile=64:128 --add-host x:10.0.0.1
        --health-cmd true --health-interval 5s --tmpfs /run:size=1m --read-only --init)
    docker create "${arguments[@]}" busybox prog arg >/dev/null
    docker inspect same >"$BATS_TEST_TMPDIR/theirs"
    docker rm same >/dev/null
    # (null and nothing are the same to it; which of them is sent differs between releases of the CLI.)
    # What the engine made of ours must be what it made of theirs, but for what is drawn by lot and
    # the labels by which ours is known.
    systemd-ctr --dry-run run "${arguments[@]}" busybox prog arg 2>/dev/null |
        jq -c .body >"$BATS_TEST_TMPDIR/body"
    curl -sf --unix-socket /run/docker.sock -H 'Content-Type: application/json' \
        -d @"$BATS_TEST_TMPDIR/body" 'http://d/containers/create?name=same' >/dev/null
    docker inspect same >"$BATS_TEST_TMPDIR/ours"
    same='walk(if . == [] or . == {} then null else . end) | .[0] | {Config, HostConfig, Path, Args, Mounts} |
        .Config.Labels |= with_entries(select(.key | startswith("io.systemd-ctr.") | not))'
    diff <(jq -S "$same" "$BATS_TEST_TMPDIR/theirs") <(jq -S "$same" "$BATS_TEST_TMPDIR/ours")
}
