/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/docker_values.h"
#include "cli/paths.h"
#include "cli/refusal.h"
#include "cli/request_parts.h"

typedef struct MountField MountField;

/* What a field of --mount does to the mount, its value lower-cased where docker does so. */
struct MountField {
    const char *name;
    int (*take)(RunLine *line, JsonValue *mount, const MountField *field, const char *value);
    const char *member;  /* of the mount, or of its options */
    const char *options; /* the member of the mount that has them, NULL: the mount itself */
    bool is_switch;      /* may stand without a value */
};

/* "--mount: FIELD: "VALUE" is not WHAT" */
static int refuse_value(RunLine *line, const MountField *field, const char *value, const char *what)
{
    return refuse(line->message, "--mount: %s: \"%s\" is not %s", field->name, value, what);
}

/* The object that a field's member belongs to. The CLI sends some options' members even when empty:
 * a volume's with DriverConfig. */
static JsonValue *options_of(JsonValue *mount, const MountField *field)
{
    JsonValue *options;

    if (!field->options)
        return mount;
    options = json_need_object(mount, field->options);
    if (text_equal(field->options, "VolumeOptions") && !json_need_object(options, "DriverConfig"))
        return NULL;
    return options;
}

/* An empty text is left out. */
static int set_text(JsonValue *object, const char *member, const char *value)
{
    if (!object)
        return -ENOMEM;
    json_unset(object, member);
    return *value ? json_set_string(object, member, value) : 0;
}

static int take_text(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    (void)line;
    return set_text(options_of(mount, field), field->member, value);
}

static int take_lower(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    _cleanup_free_ char *lower = strdup(value);

    if (!lower)
        return -ENOMEM;
    for (char *letter = lower; *letter; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    return take_text(line, mount, field, lower);
}

static int take_source(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    _cleanup_free_ char *path = NULL;

    if (*value != '.')
        return take_text(line, mount, field, value);
    path = path_absolute(line->directory, value);
    return path ? take_text(line, mount, field, path) : -ENOMEM;
}

/* True is sent, false is left out. */
static int take_switch(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    JsonValue *options = options_of(mount, field);
    bool truth;

    if (!options)
        return -ENOMEM;
    if (docker_value_boolean(value, &truth) < 0)
        return refuse_value(line, field, value, "true or false");
    if (truth)
        return json_set_boolean(options, field->member, true);
    json_unset(options, field->member);
    return 0;
}

static int take_recursive(
        RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    static const struct {
        const char *value, *member;
    } choices[] = {
        { "disabled", "NonRecursive" },
        { "writable", "ReadOnlyNonRecursive" },
        { "readonly", "ReadOnlyForceRecursive" },
    };

    if (strcmp(value, "enabled") == 0)
        return 0;
    for (size_t i = 0; i < ELEMENTS(choices); i++)
        if (strcmp(value, choices[i].value) == 0)
            return json_set_boolean(options_of(mount, field), choices[i].member, true);
    return refuse_value(line, field, value, "enabled, disabled, writable or readonly");
}

/* A pair without a name is passed over. */
static int set_pair(JsonValue *object, const char *member, const char *pair)
{
    if (!object)
        return -ENOMEM;
    if (!*pair || *pair == '=')
        return 0;
    return run_line_set_pair(json_need_object(object, member), pair, '=');
}

static int take_pair(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    (void)line;
    return set_pair(options_of(mount, field), field->member, value);
}

static JsonValue *driver_of(JsonValue *mount, const MountField *field)
{
    return json_need_object(options_of(mount, field), "DriverConfig");
}

static int take_driver(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    (void)line;
    return set_text(driver_of(mount, field), field->member, value);
}

static int take_driver_option(
        RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    JsonValue *driver = driver_of(mount, field);

    (void)line;
    return set_pair(driver, field->member, value);
}

static int set_unless_zero(JsonValue *options, const char *member, int64_t number)
{
    if (!options)
        return -ENOMEM;
    json_unset(options, member);
    return number == 0 ? 0 : json_set_integer(options, member, number);
}

static int take_size(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    int64_t size;

    if (docker_value_bytes(value, &size) < 0)
        return refuse_value(line, field, value, "a size (use for instance 64m)");
    return set_unless_zero(options_of(mount, field), field->member, size);
}

static int take_mode(RunLine *line, JsonValue *mount, const MountField *field, const char *value)
{
    size_t length = strspn(value, "01234567");
    unsigned long long mode = strtoull(value, NULL, 8);

    if (length == 0 || value[length] || length > 11 || mode > UINT32_MAX)
        return refuse_value(line, field, value, "an octal mode (use for instance 1777)");
    return set_unless_zero(options_of(mount, field), field->member, (int64_t)mode);
}

static const MountField mount_fields[] = {
    { "type", take_lower, "Type", NULL, false },
    { "source", take_source, "Source", NULL, false },
    { "src", take_source, "Source", NULL, false },
    { "target", take_text, "Target", NULL, false },
    { "dst", take_text, "Target", NULL, false },
    { "destination", take_text, "Target", NULL, false },
    { "readonly", take_switch, "ReadOnly", NULL, true },
    { "ro", take_switch, "ReadOnly", NULL, true },
    { "consistency", take_lower, "Consistency", NULL, false },
    { "bind-propagation", take_lower, "Propagation", "BindOptions", false },
    { "bind-nonrecursive", take_switch, "NonRecursive", "BindOptions", true },
    { "bind-recursive", take_recursive, NULL, "BindOptions", false },
    { "volume-nocopy", take_switch, "NoCopy", "VolumeOptions", true },
    { "volume-label", take_pair, "Labels", "VolumeOptions", false },
    { "volume-driver", take_driver, "Name", "VolumeOptions", false },
    { "volume-opt", take_driver_option, "Options", "VolumeOptions", false },
    { "volume-subpath", take_text, "Subpath", "VolumeOptions", false },
    { "tmpfs-size", take_size, "SizeBytes", "TmpfsOptions", false },
    { "tmpfs-mode", take_mode, "Mode", "TmpfsOptions", false },
};

static int take_field(RunLine *line, JsonValue *mount, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : strlen(text);

    for (size_t i = 0; i < ELEMENTS(mount_fields); i++) {
        const MountField *field = &mount_fields[i];

        if (strlen(field->name) != size || strncasecmp(field->name, text, size) != 0)
            continue;
        if (!equals && !field->is_switch)
            return refuse(line->message, "--mount: %s needs a value (%s=...)", text, text);
        return field->take(line, mount, field, equals ? equals + 1 : "true");
    }
    return refuse(line->message, "--mount: unknown field \"%s\"", text);
}

static const struct {
    const char *type;
    const char *options;
    const char *prefix;
} types[] = {
    { "bind", "BindOptions", "bind" },
    { "volume", "VolumeOptions", "volume" },
    { "tmpfs", "TmpfsOptions", "tmpfs" },
};

static int check_type(RunLine *line, JsonValue *mount)
{
    const char *type = json_member_string(mount, "Type", "");
    bool is_known = false;

    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (text_equal(type, types[i].type))
            is_known = true;
        else if (json_value_get(mount, types[i].options))
            return refuse(line->message, "--mount: %s-... does not go with type=%s",
                    types[i].prefix, type);
    if (!is_known)
        return refuse(line->message,
                "--mount: type=%s is not supported by this version of systemd-ctr (bind, volume "
                "and tmpfs are)",
                type);
    return 0;
}

/* What docker asks for so that nobody takes a mount for read-only that is not so throughout. */
static int check_mount(RunLine *line, JsonValue *mount)
{
    JsonValue *bind = json_value_get(mount, "BindOptions");
    bool readonly = json_member_boolean(mount, "ReadOnly", false);

    if (!*json_member_string(mount, "Target", ""))
        return refuse(line->message, "--mount: no target is named (dst=/PATH)");
    if (!readonly &&
            (json_member_boolean(bind, "ReadOnlyNonRecursive", false) ||
                    json_member_boolean(bind, "ReadOnlyForceRecursive", false)))
        return refuse(line->message, "--mount: this bind-recursive= goes only with readonly");
    if (json_member_boolean(bind, "ReadOnlyForceRecursive", false) &&
            !text_equal(json_member_string(bind, "Propagation", ""), "rprivate"))
        return refuse(line->message,
                "--mount: bind-recursive=readonly goes only with bind-propagation=rprivate");
    return check_type(line, mount);
}

/* Takes a field in quotes, in which a quote is written twice, into `field`. */
static int take_quoted(const char **text, char *field)
{
    const char *from = *text + 1;

    for (;; from++) {
        if (!*from)
            return -EINVAL;
        if (*from == '"' && *++from != '"')
            break;
        *field++ = *from;
    }
    *field = '\0';
    *text = from;
    return *from && *from != ',' ? -EINVAL : 0;
}

static int take_plain(const char **text, char *field)
{
    size_t length = strcspn(*text, ",\"");

    if ((*text)[length] == '"')
        return -EINVAL;
    (void)memcpy(field, *text, length);
    field[length] = '\0';
    *text += length;
    return 0;
}

/* The fields of one line of comma-separated values (RFC 4180). -EINVAL: a quote where none may be,
 * a new line, or nothing at all. */
static int split_fields(const char *text, char ***ret_fields)
{
    _cleanup_vector_ char **fields = NULL;
    _cleanup_free_ char *field = NULL; /* none is longer than all */
    int r;

    if (!*text || strpbrk(text, "\r\n"))
        return -EINVAL;
    r = text_replace(&field, text);
    if (r < 0)
        return r;

    for (;;) {
        r = *text == '"' ? take_quoted(&text, field) : take_plain(&text, field);
        if (r >= 0)
            r = text_vector_append(&fields, field);
        if (r < 0)
            return r;
        if (!*text)
            break;
        text++;
    }
    *ret_fields = TAKE_PTR(fields);
    return 0;
}

static int add_mount(RunLine *line, const char *text)
{
    _cleanup_json_ JsonValue *mount = json_new_object();
    _cleanup_vector_ char **words = NULL;
    int r;

    r = split_fields(text, &words);
    if (r == -EINVAL)
        return refuse(line->message,
                "--mount: \"%s\" is not a list of fields (use for instance "
                "type=bind,src=/a,dst=/b)",
                text);
    if (r >= 0)
        r = json_set_string(mount, "Type", "volume");
    for (char **word = words; r >= 0 && word && *word; word++)
        r = take_field(line, mount, *word);
    if (r >= 0)
        r = check_mount(line, mount);
    if (r < 0)
        return r;
    return json_append(json_need_array(line->host, "Mounts"), TAKE_PTR(mount));
}

int request_add_mounts(RunLine *line)
{
    const char *text;
    int r = 0;

    for (size_t i = 0; r >= 0 && (text = run_line_each(line, "mount", i)); i++)
        r = add_mount(line, text);
    return r;
}
