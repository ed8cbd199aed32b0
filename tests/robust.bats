#!/usr/bin/env bats
# What breaks half-way: a move that is interrupted, and an engine that falls apart in pieces. Mode
# move throughout, the one that has something to interrupt.
# takes: minutes
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

# say TEXT: in the output of the run, whether the test fails or not.
say() {
    printf '# %s\n' "$*" >&3
}

# A container that forks as many sleeps as its first argument says, and then waits for TERM.
readonly sleeps='trap "exit 143" TERM; i=0; while [ $i -lt $0 ]; do sleep 1000 & i=$((i+1)); done; while :; do wait; done'

# leave_in_scope NAME DOCKER-RUN-ARGUMENTS...: a running container of unit NAME in the cgroup that
# Docker made for it, and no wrapper: one that was killed before its move.
leave_in_scope() {
    container_unit "$1" KillMode=process ExecStopPost= --cgroup-mode=none -- "${@:2}"
    systemctl start "$1"
    kill -KILL "$(main_process "$1")"
    wait_for 5 unit_is_down "$1"
    systemctl reset-failed "$1"
}

# scope_of NAME: the directory of the cgroup that Docker made for its container.
scope_of() {
    echo "$system_slice/docker-$(docker inspect -f '{{.Id}}' "$1").scope"
}

# has_processes DIRECTORY NUMBER: whether at least so many are in this cgroup; for wait_for.
has_processes() {
    [ "$(wc -l <"$1/cgroup.procs")" -ge "$2" ]
}

is_frozen() {
    grep -qsx 'frozen 1' "$1/cgroup.events"
}

# microseconds: since the epoch.
microseconds() {
    echo "${EPOCHREALTIME/[.,]/}"
}

# main_process NAME: the wrapper's PID, once there is one.
main_process() {
    unit_property "$1" MainPID
}

has_main_process() {
    [ "$(main_process "$1")" != 0 ]
}

# starts_anew NAME: the unit works as if nothing had been.
starts_anew() {
    systemctl reset-failed "$1" 2>/dev/null || true
    systemctl start "$1"
    [ "$(cgroup_of "$(container_pid "$1")")" = "/system.slice/$1.service/payload" ]
    no_frozen_cgroup
    systemctl stop "$1"
    [ "$(unit_property "$1" Result)" = success ]
    no_leftovers "$1"
}

@test "5,000 sleeping processes are moved in 10 s" {
    many=(--rm --pids-limit -1 busybox sh -c "$sleeps" 5000)
    leave_in_scope many "${many[@]}"
    wait_for 60 has_processes "$(scope_of many)" 5001
    container_unit many --cgroup-mode=move TasksMax=infinity -- "${many[@]}"
    begin=$(microseconds)
    systemctl start many
    took=$(($(microseconds) - begin))
    say "5,001 processes moved; from systemctl start to READY $((took / 1000)) ms"
    ((took <= 10000000))
    has_processes "$system_slice/many.service/payload" 5001
    [ -z "$(processes_outside many "$(container_pid many)")" ]
    begin=$(microseconds)
    systemctl stop many
    say "stopped in $((($(microseconds) - begin) / 1000)) ms"
    no_leftovers many
}

@test "kill -9 of the wrapper at 30 random moments of a start: nothing is frozen or left, the next start works" {
    seed=${SEED:-$RANDOM}
    say "SEED=$seed"
    RANDOM=$seed
    container_unit random --cgroup-mode=move StartLimitInterval=0 -- --rm busybox sh -c \
        "sleep 1000 & sleep 1000 & $heeds_term"
    for _ in $(seq 30); do
        systemctl start --no-block random
        wait_for 5 has_main_process random
        # The moment is what the test is about: from before the connection to some way after READY.
        perl -e "select(undef, undef, undef, $((RANDOM % 400)) / 1000)"
        kill -KILL "$(main_process random)"
        wait_for 10 unit_is_down random
        no_frozen_cgroup
        no_leftovers random
        systemctl reset-failed random
    done
    starts_anew random
}

# interrupt_move NAME [DIRECTIVE]... -- [FLAG]...: a wrapper that adopts a container with these flags is
# killed while it moves 4,000 processes, each of which is a write: at its 2,000th. Sets scope.
interrupt_move() {
    local name=$1 directives=() run
    shift
    while [[ $1 != -- ]]; do
        directives+=("$1")
        shift
    done
    shift
    run=(--rm --pids-limit -1 "$@" busybox sh -c "$sleeps" 4000)
    leave_in_scope "$name" "${run[@]}"
    scope=$(scope_of "$name")
    wait_for 60 has_processes "$scope" 4001
    container_unit "$name" --cgroup-mode=move TasksMax=infinity "${directives[@]}" -- "${run[@]}"
    # -D: the main process is the wrapper.
    mkdir "$unit_folder/$name.service.d"
    sed -n 's|^ExecStart=|&/usr/bin/strace -D -o /dev/null -e trace=write -e inject=write:signal=KILL:when=2000 |p' \
        "$unit_folder/$name.service" | sed '1i [Service]\nExecStart=' >"$unit_folder/$name.service.d/strace.conf"
    systemctl daemon-reload
    run ! systemctl start "$name"
    rm -r "$unit_folder/$name.service.d"
    systemctl daemon-reload
    [ "$(unit_property "$name" ExecMainStatus)" = 9 ]
    wait_for 30 unit_is_down "$name"
}

sleeping() {
    pgrep -x -f 'sleep 1000' | wc -l
}

@test "a move killed half-way: ExecStopPost= leaves nothing of it, the next start works" {
    interrupt_move halfway --
    no_frozen_cgroup
    no_leftovers halfway
    [ "$(sleeping)" = 0 ]
    starts_anew halfway
}

@test "a move killed half-way and nobody cleans up: the next start adopts it, thaws it and moves the rest" {
    interrupt_move rest KillMode=process ExecStopPost= --
    is_frozen "$scope"
    systemctl reset-failed rest
    systemctl start rest
    run ! is_frozen "$scope"
    has_processes "$system_slice/rest.service/payload" 4001
    [ -z "$(processes_outside rest "$(container_pid rest)")" ]
    systemctl stop rest
    [ "$(unit_property rest Result)" = success ]
    no_leftovers rest
    [ "$(sleeping)" = 0 ]
}

@test "a move killed half-way and nobody cleans up: cleanup by hand ends all of it" {
    interrupt_move hand KillMode=process ExecStopPost= --
    is_frozen "$scope"
    systemd-ctr cleanup hand
    wait_for 10 no_leftovers hand
    wait_for 10 no_frozen_cgroup
    [ "$(sleeping)" = 0 ]
    starts_anew hand
}

@test "a container that was left frozen before any of it was moved: adopted, replaced, cleaned up" {
    for what in 'adopt --ipc=private' 'replace --ipc=private' 'cleanup --ipc=private' \
        'adopt --pid=host' 'replace --pid=host' 'cleanup --pid=host'; do
        read -r what flags <<<"$what"
        ice=(--rm "$flags" busybox sh -c "setsid sleep 1000 & $heeds_term")
        leave_in_scope ice "${ice[@]}"
        scope=$(scope_of ice)
        id=$(docker inspect -f '{{.Id}}' ice)
        echo 1 >"$scope/cgroup.freeze"
        wait_for 5 is_frozen "$scope"
        if [[ $what == cleanup ]]; then
            systemd-ctr cleanup ice
            run ! container_exists ice
        else
            container_unit ice --cgroup-mode=move "--existing=$what" -- "${ice[@]}"
            systemctl start ice
            case $what in
            adopt) [ "$(docker inspect -f '{{.Id}}' ice)" = "$id" ] ;;
            replace) [ "$(docker inspect -f '{{.Id}}' ice)" != "$id" ] ;;
            esac
            # It runs: what is frozen does not answer.
            systemctl stop ice
            [ "$(unit_property ice Result)" = success ]
        fi
        wait_for 5 no_frozen_cgroup
        no_leftovers ice
        [ "$(sleeping)" = 0 ]
    done
}

@test "containerd-shim killed, with --pid=host: the unit ends as failed, and nothing of the container outlives it" {
    for _ in 1 2 3; do
        container_unit shim --cgroup-mode=move StartLimitInterval=0 -- --rm --pid=host busybox sh -c \
            'sleep 4242 & setsid sleep 4243 & (setsid sleep 4244 &); trap "exit 143" TERM; while :; do sleep 4245 & wait; done'
        systemctl start shim
        pid=$(container_pid shim)
        wait_for 5 pgrep -x -f 'sleep 4245'
        kill -KILL "$(ps -o ppid= -p "$pid")"
        wait_for 30 unit_is_down shim
        [ "$(unit_property shim Result)" = exit-code ]
        [ ! -e "/proc/$pid" ]
        run ! pgrep -x -f 'sleep 424[2-5]'
        wait_for 10 no_leftovers shim
        systemctl reset-failed shim
    done
}

# Their units have a limit of starts.
bring_engine_back() {
    systemctl reset-failed docker.service docker.socket containerd.service
    systemctl start containerd.service docker.socket docker.service
    docker info &>/dev/null
}

# What dockerd alone does, engine.bats tells.
@test "containerd killed, dockerd with it, the shim with them: no process survives the unit, which goes on or fails" {
    for what in '--ipc=private containerd' '--ipc=private docker containerd' '--ipc=private shim containerd' \
        '--pid=host shim containerd' '--pid=host shim docker containerd'; do
        read -r flags victims <<<"$what"
        container_unit pieces --cgroup-mode=move StartLimitInterval=0 -- --rm "$flags" busybox sh -c \
            'setsid sleep 4246 & trap "exit 143" TERM; while :; do sleep 4247 & wait; done'
        systemctl start pieces
        pid=$(container_pid pieces)
        wait_for 5 pgrep -x -f 'sleep 4247'
        pids=()
        for victim in $victims; do
            case $victim in
            shim) pids+=("$(ps -o ppid= -p "$pid" | tr -d ' ')") ;;
            *) pids+=("$(unit_property "$victim" MainPID)") ;;
            esac
        done
        kill -KILL "${pids[@]}"
        wait_for 30 bring_engine_back
        state=$(unit_property pieces ActiveState)
        begin=$(microseconds)
        timeout 60 systemctl stop pieces
        say "$what: $state with the engine back; $(unit_property pieces Result)," \
            "stopped in $((($(microseconds) - begin) / 1000)) ms"
        [ ! -e "/proc/$pid" ]
        run ! pgrep -x -f 'sleep 424[67]'
        wait_for 20 no_leftovers pieces
        starts_anew pieces
    done
}

@test "mode none, --pid=host, the shim killed and nobody to notice it: no process survives the unit" {
    container_unit stays ExecStopPost= --cgroup-mode=none -- --rm --pid=host busybox sh -c \
        'setsid sleep 4246 & trap "exit 143" TERM; while :; do sleep 4247 & wait; done'
    systemctl start stays
    wait_for 5 pgrep -x -f 'sleep 4246'
    pid=$(container_pid stays)
    engine=("$(unit_property docker MainPID)" "$(unit_property containerd MainPID)")
    kill -STOP "${engine[@]}"
    kill -KILL "$(ps -o ppid= -p "$pid" | tr -d ' ')"
    timeout 60 systemctl stop stays || true
    wait_for 5 nobody_sleeps '424[67]' || survived=1
    kill -CONT "${engine[@]}"
    [ -z "${survived:-}" ]
}

nobody_sleeps() {
    ! pgrep -x -f "sleep $1"
}

@test "cleanup ends what lives in the cgroup of a container that Docker says is down" {
    container_unit down -- busybox true
    systemctl start down || true
    wait_for 5 unit_is_down down
    systemd-run --quiet --scope --slice=system.slice "--unit=docker-$(docker inspect -f '{{.Id}}' down)" \
        sh -c 'exec sleep 4251' &>/dev/null 3>&- &
    wait_for 5 pgrep -x -f 'sleep 4251'
    systemd-ctr cleanup down
    wait_for 5 nobody_sleeps 4251
}
