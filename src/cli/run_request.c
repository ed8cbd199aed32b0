/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_request.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

/* What the docker CLI (28.2, API 1.50) sends when nothing is asked for. The engine tells absent,
 * null and empty apart in places (MaskedPaths, Dns), so this is its text, not an idea of it. */
static const char blank[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
        "\"AttachStdout\":true,\"AttachStderr\":true,\"Tty\":false,\"OpenStdin\":false,"
        "\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":{},"
        "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{},"
        "\"HostConfig\":{\"Binds\":null,\"ContainerIDFile\":\"\","
        "\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"default\","
        "\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},"
        "\"AutoRemove\":false,\"VolumeDriver\":\"\",\"VolumesFrom\":null,"
        "\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,\"CgroupnsMode\":\"\","
        "\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,"
        "\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,\"OomScoreAdj\":0,\"PidMode\":\"\","
        "\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false,"
        "\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,"
        "\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,\"CgroupParent\":\"\","
        "\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"
        "\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],"
        "\"CpuPeriod\":0,\"CpuQuota\":0,\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,"
        "\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[],\"DeviceCgroupRules\":null,"
        "\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,"
        "\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"PidsLimit\":0,\"Ulimits\":[],"
        "\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,"
        "\"MaskedPaths\":null,\"ReadonlyPaths\":null},"
        "\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":{\"IPAMConfig\":null,"
        "\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\",\"DriverOpts\":null,"
        "\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\","
        "\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\","
        "\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}}}}";

static int (*const parts[])(RunLine *line) = {
    run_line_read,
    request_settle_query,
    request_check_restart,
    request_add_program,
    request_add_environment,
    request_add_labels,
    request_add_logging,
    request_add_capabilities,
    request_add_security,
    request_add_namespaces,
    request_add_health,
    request_add_resources,
    request_add_devices,
    request_add_network,
    request_add_hosts,
    request_add_ports,
    request_add_volumes,
    request_add_mounts,
};

int run_request_parse(const Options *options, char *const *environment, const char *directory,
        RunRequest *ret, char **ret_message)
{
    _cleanup_json_ JsonValue *collected = json_new_object();
    RunLine line = {
        .options = options,
        .environment = environment,
        .directory = directory,
        .request = ret,
        .collected = collected,
        .message = ret_message,
    };
    int r;

    *ret = (RunRequest){ 0 };
    *ret_message = NULL;

    r = json_value_parse(blank, strlen(blank), &ret->body);
    if (r < 0 || !collected)
        return -ENOMEM;
    line.body = ret->body;
    line.host = json_value_get(ret->body, "HostConfig");
    for (size_t i = 0; r >= 0 && i < ELEMENTS(parts); i++)
        r = parts[i](&line);
    return r;
}

void run_request_clear(RunRequest *request)
{
    free(request->name);
    free(request->platform);
    free(request->image);
    free(request->cidfile);
    (void)json_value_unref(request->body);
    *request = (RunRequest){ 0 };
}

static int is_member(const char *key, JsonValue *value, void *userdata)
{
    (void)key;
    (void)value;
    (void)userdata;
    return 1;
}

/* Older engines would run every check at its usual interval anyway. */
static void drop_start_interval(JsonValue *body)
{
    JsonValue *health = json_value_get(body, "Healthcheck");

    if (!health)
        return;
    json_unset(health, "StartInterval");
    if (json_visit(health, is_member, NULL) == 0)
        json_unset(body, "Healthcheck");
}

/* Would an older engine, which passes over what it does not know, mount more than was asked for? */
static bool is_mount_widened(JsonValue *mount, unsigned minor)
{
    JsonValue *bind = json_value_get(mount, "BindOptions");
    JsonValue *volume = json_value_get(mount, "VolumeOptions");

    return (minor < 44 && json_member_boolean(bind, "ReadOnlyForceRecursive", false)) ||
            (minor < 45 && *json_member_string(volume, "Subpath", ""));
}

int run_request_fit_api(RunRequest *request, unsigned minor)
{
    JsonValue *mounts = json_value_get(json_value_get(request->body, "HostConfig"), "Mounts");

    for (size_t i = 0; i < json_value_length(mounts); i++)
        if (is_mount_widened(json_value_at(mounts, i), minor))
            return -EOPNOTSUPP;
    if (minor < 44)
        drop_start_interval(request->body);
    return 0;
}

JsonValue *run_request_describe(const RunRequest *request)
{
    _cleanup_json_ JsonValue *description = json_new_object();
    JsonValue *query = json_need_object(description, "query");
    int r = 0;

    if (request->name)
        r = json_set_string(query, "name", request->name);
    if (r >= 0 && request->platform)
        r = json_set_string(query, "platform", request->platform);
    if (r >= 0)
        r = json_set(description, "body", json_value_ref(request->body));
    return r < 0 ? NULL : TAKE_PTR(description);
}
