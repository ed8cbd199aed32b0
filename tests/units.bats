#!/usr/bin/env bats
# The units that come along: systemd accepts them, and the template does what it says.

load lib/host

readonly template_settings=/etc/systemd-ctr/web.conf

# settings: writes those of the instance web from stdin.
settings() {
    mkdir -p "${template_settings%/*}"
    cat >"$template_settings"
}

teardown() {
    systemctl stop systemd-ctr@web 2>/dev/null || true
    systemctl reset-failed systemd-ctr@web 2>/dev/null || true
    rm -f "$template_settings"
    end_units
}

@test "systemd-analyze verify finds nothing to say about any of them" {
    # Without man: a host has no need of man-db; that the page is there is checked below.
    for unit in /project/units/*.service; do
        run systemd-analyze verify --man=no "$unit"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    done
}

@test "make install installs the template and the manual" {
    systemctl cat systemd-ctr@web | grep -q '^ExecStart=/usr/bin/systemd-ctr '
    [ -s /usr/share/man/man1/systemd-ctr.1 ]
    settings=$(systemctl cat systemd-ctr@web | grep -o '/usr/share/doc[^)]*')
    [ -s "$settings" ]
}

@test "the template runs the container of its name, as its settings say" {
    import_image nginx
    settings <<'CONF'
IMAGE=nginx
RUN_ARGS=-p 8080:80 -e 'GREETING=two words' -e TAKEN -l plain=yes \
    --health-cmd 'wget -q -O /dev/null http://127.0.0.1/' --health-interval 1s
COMMAND=nginx -g 'daemon off;' -c /etc/nginx/nginx.conf
CTR_ARGS=--ready=healthy --verbose
TAKEN=from the settings
CONF
    systemctl start systemd-ctr@web
    [ "$(systemctl show --value -p StatusText systemd-ctr@web | grep -c healthy)" -eq 1 ]
    curl -fsS http://127.0.0.1:8080/ | grep -q 'nginx says hello'
    docker exec web env >"$BATS_TEST_TMPDIR/env"
    grep -qx 'GREETING=two words' "$BATS_TEST_TMPDIR/env"
    grep -qx 'TAKEN=from the settings' "$BATS_TEST_TMPDIR/env"
    [ "$(docker inspect -f '{{index .Config.Labels "plain"}} {{.HostConfig.AutoRemove}}' web)" = "yes true" ]
    journalctl --sync
    journalctl -t web -o cat | grep -q 'GET / HTTP'
    systemctl stop systemd-ctr@web
    [ "$(systemctl show --value -p Result systemd-ctr@web)" = success ]
    [ -z "$(docker ps -aq)" ]
}

@test "the template without settings, or without an image, fails and is not tried again" {
    rm -f "$template_settings"
    run systemctl start systemd-ctr@web
    [ "$status" -ne 0 ]
    [ "$(systemctl show --value -p SubState systemd-ctr@web)" = dead ]
    settings <<<'COMMAND=busybox'
    run systemctl start systemd-ctr@web
    [ "$status" -ne 0 ]
    [ "$(systemctl show --value -p ExecMainStatus systemd-ctr@web)" = 64 ]
    [ "$(systemctl show --value -p SubState systemd-ctr@web)" = failed ]
}

@test "the example settings are read as they are meant" {
    cp /project/units/example.conf "$BATS_TEST_TMPDIR/web.conf"
    sed -i 's/^#\([A-Z_]*=\)/\1/' "$BATS_TEST_TMPDIR/web.conf"
    write_unit show-words <<UNIT
[Service]
Type=oneshot
EnvironmentFile=$BATS_TEST_TMPDIR/web.conf
ExecStart=systemd-ctr \$CTR_ARGS --dry-run run \$RUN_ARGS \${IMAGE} \$COMMAND
UNIT
    systemctl start show-words
    unit_journal show-words | grep '^{' >"$BATS_TEST_TMPDIR/request"
    [ "$(jq -c '[.body.Image, .body.Cmd, .body.Healthcheck.Test]' "$BATS_TEST_TMPDIR/request")" = \
        '["nginx",["nginx","-g","daemon off;"],["CMD-SHELL","curl -fsS -o /dev/null http://127.0.0.1/"]]' ]
}

@test "the settings of a database, a job and a broker make requests that the engine would get" {
    for unit in example-database example-job example-pid-file example-web example-forking; do
        # The unit itself, told to say what it would do.
        sed -e 's,^ExecStart=/usr/bin/systemd-ctr,& --dry-run,' -e '/^Type=/d' -e '/^Restart/d' \
            -e '/^EnvironmentFile=/d' -e '/^RequiresMountsFor=/d' -e '/^PIDFile=/d' \
            "/project/units/$unit.service" | write_unit "$unit"
        systemctl start "$unit"
        wait_for 5 unit_has_ended "$unit"
        [ "$(unit_property "$unit" ExecMainStatus)" = 0 ]
        unit_journal "$unit" | grep '^{' | jq -e '.query.name and .body.Image' >/dev/null
    done
}

unit_has_ended() {
    [[ $(unit_property "$1" ActiveState) != active ]]
}
