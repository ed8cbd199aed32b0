#!/usr/bin/env bats
# An engine behind TCP with TLS, as docker's own environment variables name it.
# What is quoted is for the container's shell; $heeds_term comes from lib/container.
# shellcheck disable=SC2016,SC2154

load lib/host
load lib/container

# certificate NAME SUBJECT EXTENSIONS: signed by the test's authority.
certificate() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "/tls/$1-key.pem" -out "/tls/$1.csr" 2>/dev/null
    openssl x509 -req -in "/tls/$1.csr" -CA /tls/ca.pem -CAkey /tls/ca-key.pem -CAcreateserial -days 1 \
        -extfile <(echo "$3") -out "/tls/$1-cert.pem" 2>/dev/null
}

setup_file() {
    mkdir /tls /etc/docker-client
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test-authority -keyout /tls/ca-key.pem -out /tls/ca.pem 2>/dev/null
    certificate server localhost subjectAltName=IP:127.0.0.1,DNS:localhost
    certificate client client extendedKeyUsage=clientAuth
    cp /tls/ca.pem /etc/docker-client/
    cp /tls/client-cert.pem /etc/docker-client/cert.pem
    cp /tls/client-key.pem /etc/docker-client/key.pem
    mkdir -p /etc/systemd/system/docker.service.d
    dockerd=$(systemctl show -p ExecStart --value docker | sed -n 's/.*argv\[\]=\([^;]*\) ;.*/\1/p')
    cat >/etc/systemd/system/docker.service.d/tls.conf <<CONF
[Service]
ExecStart=
ExecStart=$dockerd -H tcp://127.0.0.1:2376 --tlsverify --tlscacert=/tls/ca.pem --tlscert=/tls/server-cert.pem --tlskey=/tls/server-key.pem
CONF
    systemctl daemon-reload
    systemctl restart docker
}

@test "a client with a certificate is served" {
    container_unit safe Environment=DOCKER_HOST=tcp://127.0.0.1:2376 Environment=DOCKER_TLS_VERIFY=1 \
        Environment=DOCKER_CERT_PATH=/etc/docker-client -- --rm busybox sh -c "echo over-tls; $heeds_term"
    systemctl start safe
    wait_for 5 journal_has safe over-tls
    [ "$(cgroup_of "$(container_pid safe)")" = /system.slice/safe.service/payload ]
    systemctl stop safe
    [ "$(unit_property safe Result)" = success ]
    no_leftovers safe
}

@test "an engine that another authority vouches for is refused: 69, and why" {
    mkdir /etc/docker-stranger
    cp /etc/docker-client/*.pem /etc/docker-stranger/
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=stranger -keyout /dev/null -out /etc/docker-stranger/ca.pem 2>/dev/null
    run -69 env DOCKER_HOST=tcp://127.0.0.1:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/etc/docker-stranger \
        systemd-ctr --engine-wait=300ms run --rm busybox true
    [[ "$output" == *certificate* ]]
}
