/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <json-c/json.h>

static int parse(const char *text, size_t size, int flags, JsonValue **ret)
{
    struct json_tokener *tokener;
    JsonValue *value;
    size_t end;
    bool whole;

    if (size > INT_MAX)
        return -EBADMSG;

    tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    if (!tokener)
        return -ENOMEM;
    json_tokener_set_flags(tokener, flags);

    value = json_tokener_parse_ex(tokener, text, (int)size);
    end = json_tokener_get_parse_end(tokener);
    /* A number at the very end is complete only when something follows it. */
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        value = json_tokener_parse_ex(tokener, "\n", 1);
    whole = json_tokener_get_error(tokener) == json_tokener_success;
    for (; whole && end < size; end++)
        whole = strchr(" \t\r\n", text[end]) && text[end] != '\0';
    json_tokener_free(tokener);

    if (!whole) {
        (void)json_value_unref(value);
        return -EBADMSG;
    }

    *ret = value;
    return 0;
}

int json_value_parse(const char *text, size_t size, JsonValue **ret)
{
    return parse(text, size, 0, ret);
}

/* json-c 0.18 takes what is not ASCII for a control character then: so it sees none. */
int json_value_parse_strict(const char *text, size_t size, JsonValue **ret)
{
    _cleanup_free_ char *ascii = strndup(text, size);
    JsonValue *value;
    int r;

    if (!ascii)
        return -ENOMEM;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    r = strlen(ascii) == size ? parse(ascii, size, JSON_TOKENER_STRICT, &value) : -EBADMSG;
    if (r < 0)
        return r;
    (void)json_value_unref(value);
    return json_value_parse(text, size, ret);
}

JsonValue *json_value_ref(JsonValue *value)
{
    return json_object_get(value);
}

JsonValue *json_value_unref(JsonValue *value)
{
    (void)json_object_put(value);
    return NULL;
}

const char *json_value_format(JsonValue *value)
{
    return json_object_to_json_string_ext(
            value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

const char *json_value_format_pretty(JsonValue *value)
{
    return json_object_to_json_string_ext(value,
            JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
}

JsonValue *json_value_get(JsonValue *object, const char *key)
{
    JsonValue *value;

    if (!json_value_is_object(object) || !json_object_object_get_ex(object, key, &value))
        return NULL;
    return value;
}

bool json_value_is_object(JsonValue *value)
{
    return json_object_is_type(value, json_type_object);
}

bool json_value_is_array(JsonValue *value)
{
    return json_object_is_type(value, json_type_array);
}

const char *json_value_string(JsonValue *value, const char *otherwise)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string))
        return otherwise;
    text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value))
        return otherwise;
    return text;
}

int64_t json_value_integer(JsonValue *value, int64_t otherwise)
{
    if (!json_object_is_type(value, json_type_int))
        return otherwise;
    return json_object_get_int64(value);
}

bool json_value_boolean(JsonValue *value, bool otherwise)
{
    if (!json_object_is_type(value, json_type_boolean))
        return otherwise;
    return json_object_get_boolean(value);
}

size_t json_value_length(JsonValue *array)
{
    return json_value_is_array(array) ? json_object_array_length(array) : 0;
}

JsonValue *json_value_at(JsonValue *array, size_t index)
{
    return json_value_is_array(array) ? json_object_array_get_idx(array, index) : NULL;
}

const char *json_member_string(JsonValue *object, const char *key, const char *otherwise)
{
    return json_value_string(json_value_get(object, key), otherwise);
}

int64_t json_member_integer(JsonValue *object, const char *key, int64_t otherwise)
{
    return json_value_integer(json_value_get(object, key), otherwise);
}

bool json_member_boolean(JsonValue *object, const char *key, bool otherwise)
{
    return json_value_boolean(json_value_get(object, key), otherwise);
}

int json_visit(JsonValue *object, int (*visit)(const char *key, JsonValue *value, void *userdata),
        void *userdata)
{
    int r;

    if (!json_value_is_object(object))
        return 0;

    json_object_object_foreach(object, key, value)
    {
        r = visit(key, value, userdata);
        if (r != 0)
            return r;
    }
    return 0;
}

JsonValue *json_new_object(void)
{
    return json_object_new_object();
}

JsonValue *json_new_array(void)
{
    return json_object_new_array();
}

JsonValue *json_new_string(const char *text)
{
    return json_object_new_string(text);
}

JsonValue *json_new_integer(int64_t number)
{
    return json_object_new_int64(number);
}

JsonValue *json_new_boolean(bool truth)
{
    return json_object_new_boolean(truth);
}

int json_set(JsonValue *object, const char *key, JsonValue *value)
{
    if (!object || json_object_object_add(object, key, value) < 0) {
        (void)json_value_unref(value);
        return -ENOMEM;
    }
    return 0;
}

/* As json_set(), for a value that was just made: here NULL means that there was no memory. */
static int set_made(JsonValue *object, const char *key, JsonValue *made)
{
    return made ? json_set(object, key, made) : -ENOMEM;
}

int json_set_string(JsonValue *object, const char *key, const char *text)
{
    return set_made(object, key, json_new_string(text));
}

int json_set_integer(JsonValue *object, const char *key, int64_t number)
{
    return set_made(object, key, json_new_integer(number));
}

int json_set_boolean(JsonValue *object, const char *key, bool truth)
{
    return set_made(object, key, json_new_boolean(truth));
}

void json_unset(JsonValue *object, const char *key)
{
    json_object_object_del(object, key);
}

static JsonValue *need(JsonValue *object, const char *key, JsonValue *(*make)(void))
{
    JsonValue *member;

    if (!object)
        return NULL;
    member = json_value_get(object, key);
    if (member)
        return member;
    member = make();
    if (set_made(object, key, member) < 0)
        return NULL;
    return member;
}

JsonValue *json_need_object(JsonValue *object, const char *key)
{
    return need(object, key, json_new_object);
}

JsonValue *json_need_array(JsonValue *object, const char *key)
{
    return need(object, key, json_new_array);
}

int json_append(JsonValue *array, JsonValue *value)
{
    if (!array || json_object_array_add(array, value) < 0) {
        (void)json_value_unref(value);
        return -ENOMEM;
    }
    return 0;
}

int json_append_string(JsonValue *array, const char *text)
{
    JsonValue *value = json_new_string(text);

    return value ? json_append(array, value) : -ENOMEM;
}
