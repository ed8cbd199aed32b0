# shellcheck shell=bash
# A user with a manager and an engine of its own: `load lib/rootless` in the place of lib/host, and
# call start_user in setup_file. What lib/host and lib/container ask of the system's manager and
# engine they ask of the user's then, for the commands are functions here.

readonly user=rootless uid=4711
readonly runtime_folder=/run/user/$uid
readonly user_home=/home/$user
# The next two are read by lib/host.
# shellcheck disable=SC2034
unit_folder=/run/systemd/user
# shellcheck disable=SC2034
system_slice=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/app.slice

load lib/host
load lib/container

as_user() {
    runuser -u "$user" -- env HOME="$user_home" XDG_RUNTIME_DIR="$runtime_folder" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=$runtime_folder/bus" \
        DOCKER_HOST="unix://$runtime_folder/docker.sock" "$@"
}

systemctl() {
    as_user systemctl --user "$@"
}

docker() {
    as_user docker "$@"
}

# There is one journal for all here, which only root may read. The unit after -u is the user's.
journalctl() {
    local arguments=()
    while (($#)); do
        case $1 in
        -u) shift && arguments+=("_SYSTEMD_USER_UNIT=$1") ;;
        *) arguments+=("${1/#_SYSTEMD_UNIT=/_SYSTEMD_USER_UNIT=}") ;;
        esac
        shift
    done
    command journalctl "${arguments[@]}"
}

make_user() {
    useradd --uid "$uid" --create-home --home-dir "$user_home" "$user"
    printf '%s:300000:65536\n' "$user" | tee /etc/subuid >/etc/subgid
}

# As the engine's own dockerd-rootless-setuptool.sh makes it, with the settings that hosts have here.
write_user_engine() {
    local program
    program=$(command -v dockerd-rootless.sh || echo /usr/share/docker.io/contrib/dockerd-rootless.sh)
    mkdir -p "$unit_folder/default.target.wants" "$user_home/.config/docker"
    cat >"$unit_folder/docker.service" <<UNIT
[Service]
Type=notify
NotifyAccess=all
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=$program
ExecReload=/bin/kill -s HUP \$MAINPID
Delegate=yes
KillMode=mixed
UNIT
    ln -sf ../docker.service "$unit_folder/default.target.wants/"
    # On a tmpfs: an overlay cannot lie on the overlay that a host's root is.
    mkdir -p /shared/rootless
    cat >"$user_home/.config/docker/daemon.json" <<JSON
{ "data-root": "/shared/rootless", "iptables": false, "ip6tables": false }
JSON
    # All its units find this engine, as with the line that the set-up tool wants in .bashrc.
    mkdir -p "$user_home/.config/environment.d"
    # shellcheck disable=SC2016 # systemd's variable
    echo 'DOCKER_HOST=unix://${XDG_RUNTIME_DIR}/docker.sock' >"$user_home/.config/environment.d/docker.conf"
    chown -R "$user:" "$user_home/.config" /shared/rootless
}

# As at a login of the user, or a boot with `loginctl enable-linger`.
start_user() {
    make_user
    write_user_engine
    command systemctl start "user@$uid.service"
    wait_for 20 docker info >/dev/null
    docker import -c 'CMD ["sh"]' /images/busybox.tar busybox >/dev/null
}
