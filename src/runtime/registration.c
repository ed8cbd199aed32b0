/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/registration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define SETTINGS_MAX (1U << 20)

static int explain(char **ret_message, int r, const char *path, const char *why)
{
    *ret_message = text_format("%s %s", path, why);
    return *ret_message ? r : -ENOMEM;
}

/* *ret_text NULL: there is no such file. */
static int read_settings(const char *path, char **ret_text, JsonValue **ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    int r;

    r = file_read(path, SETTINGS_MAX, &text, &size);
    if (r < 0 && r != -ENOENT)
        return r;
    if (!text || strspn(text, " \t\r\n") == size) {
        *ret = json_new_object();
        r = *ret ? 0 : -ENOMEM;
    } else
        r = json_value_parse_strict(text, size, ret);
    *ret_text = TAKE_PTR(text);
    return r;
}

int registration_open(const char *path, Registration *ret, char **ret_message)
{
    JsonValue *runtimes;
    int r;

    *ret = (Registration){ .path = realpath(path, NULL) };
    if (!ret->path && errno == ENOENT)
        ret->path = strdup(path);
    if (!ret->path)
        return explain(ret_message, -errno, path, strerror(errno));
    ret->backup = text_format("%s" BACKUP_SUFFIX, ret->path);
    if (!ret->backup)
        return -ENOMEM;

    r = read_settings(ret->path, &ret->original, &ret->settings);
    if (r == -EBADMSG)
        return explain(ret_message, r, ret->path, "is not valid JSON: correct it first");
    if (r < 0)
        return explain(ret_message, r, ret->path, strerror(-r));
    runtimes = json_value_get(ret->settings, "runtimes");
    if (!json_value_is_object(ret->settings) || (runtimes && !json_value_is_object(runtimes)))
        return explain(ret_message, -EBADMSG, ret->path,
                "is not what dockerd reads: it, and \"runtimes\" in it, must be objects");
    return 0;
}

void registration_clear(Registration *registration)
{
    free(registration->path);
    free(registration->backup);
    free(registration->original);
    (void)json_value_unref(registration->settings);
    *registration = (Registration){ 0 };
}

static JsonValue *entry_of(JsonValue *settings)
{
    return json_value_get(json_value_get(settings, "runtimes"), REGISTERED_NAME);
}

const char *registration_program(const Registration *registration)
{
    return json_member_string(entry_of(registration->settings), "path", NULL);
}

bool registration_is_default(const Registration *registration)
{
    return text_equal(
            json_member_string(registration->settings, "default-runtime", NULL), REGISTERED_NAME);
}

static int set_entry(JsonValue *settings, const char *program)
{
    JsonValue *entry = entry_of(settings);

    if (!json_value_is_object(entry)) {
        JsonValue *runtimes = json_need_object(settings, "runtimes");

        entry = json_new_object();
        if (!entry || json_set(runtimes, REGISTERED_NAME, entry) < 0)
            return -ENOMEM;
    }
    return json_set_string(entry, "path", program);
}

static int format_settings(JsonValue *settings, char **ret)
{
    const char *text = json_value_format_pretty(settings);

    *ret = text ? text_format("%s\n", text) : NULL;
    return *ret ? 0 : -ENOMEM;
}

static int write_text(const Registration *registration, const char *text)
{
    _cleanup_free_ char *folder = NULL;
    char *slash;
    int r;

    if (access(registration->path, F_OK) == 0)
        return file_rewrite(registration->path, text);
    folder = strdup(registration->path);
    if (!folder)
        return -ENOMEM;
    slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        r = directory_make(folder, 0755);
        if (r < 0)
            return r;
    }
    return file_replace(registration->path, text, 0644);
}

static int write_settings(const Registration *registration)
{
    _cleanup_free_ char *text = NULL;
    int r;

    r = format_settings(registration->settings, &text);
    return r < 0 ? r : write_text(registration, text);
}

/* A link keeps mode, owner and times as well. */
static int make_backup(Registration *registration)
{
    if (unlink(registration->backup) < 0 && errno != ENOENT)
        return -errno;
    if (!registration->original)
        return 0;
    if (link(registration->path, registration->backup) < 0)
        return -errno;
    registration->made_backup = true;
    return 0;
}

int registration_add(Registration *registration, const char *program)
{
    int r = 0;

    if (text_equal(registration_program(registration), program))
        return 0;
    if (!registration_program(registration))
        r = make_backup(registration);
    if (r >= 0)
        r = set_entry(registration->settings, program);
    if (r >= 0)
        r = write_settings(registration);
    return r < 0 ? r : 1;
}

int registration_withdraw(Registration *registration)
{
    JsonValue *runtimes = json_need_object(registration->settings, "runtimes");

    if (!runtimes)
        return -ENOMEM;
    json_unset(runtimes, REGISTERED_NAME);
    return write_settings(registration);
}

static bool is_empty(JsonValue *object)
{
    return json_value_is_object(object) && strcmp(json_value_format(object), "{}") == 0;
}

static void take_entry_out(JsonValue *settings)
{
    JsonValue *runtimes = json_value_get(settings, "runtimes");

    if (runtimes)
        json_unset(runtimes, REGISTERED_NAME);
    if (is_empty(runtimes))
        json_unset(settings, "runtimes");
}

bool registration_is_half_removed(const Registration *registration)
{
    const char *text = json_value_format(registration->settings);

    return !registration_program(registration) &&
            (access(registration->backup, F_OK) == 0 || text_equal(text, "{\"runtimes\":{}}"));
}

/* Does a file say the same as `settings`, but for spaces and an entry of ours? */
static bool says_the_same(const char *path, JsonValue *settings)
{
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ JsonValue *found = NULL;

    if (read_settings(path, &text, &found) < 0 || !text || !json_value_is_object(found))
        return false;
    take_entry_out(found);
    return text_equal(json_value_format(found), json_value_format(settings));
}

int registration_finish(Registration *registration)
{
    JsonValue *settings = registration->settings;
    int r;

    take_entry_out(settings);
    /* Then nobody changed anything since. */
    if (says_the_same(registration->backup, settings))
        return rename(registration->backup, registration->path) < 0 ? -errno : 0;
    /* Without a backup there was no file. */
    if (is_empty(settings) && access(registration->backup, F_OK) < 0)
        return unlink(registration->path) < 0 && errno != ENOENT ? -errno : 0;
    r = write_settings(registration);
    if (r >= 0 && unlink(registration->backup) < 0 && errno != ENOENT)
        r = -errno;
    return r;
}

int registration_restore(Registration *registration)
{
    if (!registration->original)
        return unlink(registration->path) < 0 && errno != ENOENT ? -errno : 0;
    if (registration->made_backup)
        return rename(registration->backup, registration->path) < 0 ? -errno : 0;
    return write_text(registration, registration->original);
}
