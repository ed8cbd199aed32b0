# shellcheck shell=bash
# What test files share: `load lib/host`. Tests run inside of a host of their own file (see
# tests/run), as root, so systemctl, docker and journalctl are just called.
#
# A file says in a comment `# host: KIND` what it wants: systemd (the default: Docker with the systemd
# cgroup driver), cgroupfs (with that driver), live-restore, v1 or hybrid (cgroup hierarchies), vm (a
# guest with a kernel of its own, and so all controllers of cgroup v2; only with tests/run --vm), or none
# (it runs on the machine itself). One that says `# takes: minutes` is begun before the others.

bats_require_minimum_version 1.5.0

# The hierarchy by which systemd tracks its units' processes: its mount point, and how its line in
# /proc/PID/cgroup begins.
if [[ -e /sys/fs/cgroup/cgroup.procs ]]; then
    tracking=/sys/fs/cgroup tracking_line='0::'
elif [[ -d /sys/fs/cgroup/unified ]]; then
    tracking=/sys/fs/cgroup/unified tracking_line='0::'
else
    tracking=/sys/fs/cgroup/systemd tracking_line='[0-9]*:name=systemd:'
fi
# shellcheck disable=SC2034 # by lib/container
readonly tracking tracking_line
# Those of the system's manager, if a file does not name another's.
readonly unit_folder=${unit_folder:-/run/systemd/system}
readonly system_slice=${system_slice:-$tracking/system.slice}

# wait_for SECONDS COMMAND...: until it succeeds; the test fails when it does not within SECONDS.
wait_for() {
    local seconds=$1 end
    end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@"; do
        if ((${EPOCHREALTIME/./} >= end)); then
            echo "not within $seconds s: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# write_unit NAME: makes NAME.service of what comes on stdin. Ended and removed with the test.
write_unit() {
    mkdir -p "$unit_folder"
    cat >"$unit_folder/$1.service"
    echo "$1" >>"$BATS_TEST_TMPDIR/units"
    systemctl daemon-reload
}

# unit_property NAME PROPERTY: its value, as `systemctl show` gives it.
unit_property() {
    systemctl show --value -p "$2" "$1.service"
}

# unit_property_is NAME PROPERTY VALUE: for wait_for.
unit_property_is() {
    [[ $(unit_property "$1" "$2") == "$3" ]]
}

# unit_processes NAME [BELOW]: the PIDs in the unit's cgroup, or only in its subgroup BELOW.
unit_processes() {
    find "$system_slice/$1.service${2:+/$2}" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -n
}

# unit_folders NAME: the unit's cgroups, in all hierarchies.
unit_folders() {
    find /sys/fs/cgroup/system.slice/"$1".service /sys/fs/cgroup/*/system.slice/"$1".service \
        -type d 2>/dev/null || true
}

# unit_journal NAME: the messages of the unit's own processes, one a line, in their order.
unit_journal() {
    journalctl --sync
    journalctl --no-pager -o cat _SYSTEMD_UNIT="$1.service"
}

# journal_has NAME TEXT: whether `journalctl -u NAME` shows TEXT; for wait_for.
journal_has() {
    journalctl --no-pager -o cat -u "$1.service" | grep -qF -- "$2"
}

# import_image NAME: busybox is there from the start; nginx is imported by those who ask for it.
import_image() {
    docker image inspect "$1" &>/dev/null && return
    case $1 in
    nginx)
        docker import -c 'CMD ["nginx","-g","daemon off;"]' -c 'EXPOSE 80' /images/nginx.tar nginx
        ;;
    *)
        echo "no such test image: $1" >&2
        return 1
        ;;
    esac
}

container_exists() {
    docker container inspect "$1" &>/dev/null
}

# container_pid NAME: the PID of its first process.
container_pid() {
    docker container inspect -f '{{.State.Pid}}' "$1"
}

# no_leftovers NAME [PID-FILE]: of the ended unit NAME, whose container has the same name, nothing
# is there any more; says what is.
no_leftovers() {
    local left=0
    if container_exists "$1"; then
        docker ps -a --filter "name=^/$1\$" >&2
        left=1
    fi
    if [[ -n $(unit_folders "$1") ]]; then
        echo "cgroup: $(unit_folders "$1") processes: $(unit_processes "$1")" >&2
        left=1
    fi
    if [[ -n ${2:-} && -e $2 ]]; then
        echo "pid file: $2" >&2
        left=1
    fi
    return "$left"
}

# no_process COMMAND-LINE: whether none has this very one; for wait_for.
no_process() {
    [[ -z $(pgrep -x -f "$1") ]]
}

# What one wants to see of a test that failed.
show_units() {
    local unit
    while read -r unit; do
        systemctl status --no-pager --full -n 0 "$unit.service"
        journalctl --no-pager -n 60 -u "$unit.service"
    done < <(sort -u "$BATS_TEST_TMPDIR/units")
    docker ps -a
} 2>&1

# remove_containers: all there are. One that the engine is about to remove by itself makes it fail, and is
# gone a moment later: for wait_for.
remove_containers() {
    local containers=()
    mapfile -t containers < <(docker ps -aq)
    ((!${#containers[@]})) || docker rm -f "${containers[@]}" >/dev/null
}

# end_units: stops and removes all units that the test wrote, and all containers.
end_units() {
    local units=()
    [[ ! -e $BATS_TEST_TMPDIR/units ]] || mapfile -t units < <(sort -u "$BATS_TEST_TMPDIR/units")
    if ((${#units[@]})); then
        systemctl kill --kill-whom=all -s KILL "${units[@]/%/.service}" 2>/dev/null || true
        systemctl stop "${units[@]/%/.service}" 2>/dev/null || true
        systemctl reset-failed "${units[@]/%/.service}" 2>/dev/null || true
        (cd "$unit_folder" && rm -rf "${units[@]/%/.service}" "${units[@]/%/.service.d}")
        rm -f "$BATS_TEST_TMPDIR/units"
        systemctl daemon-reload
    fi
    wait_for 20 remove_containers
}

# A file with a teardown of its own calls end_units in it.
teardown() {
    if [[ -z ${BATS_TEST_COMPLETED:-} && -e $BATS_TEST_TMPDIR/units ]]; then
        show_units
    fi
    end_units
}
