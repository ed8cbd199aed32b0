/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON values, on json-c.
 *
 * Readers are total: a member that is missing or of another type reads as the
 * default that the caller names, so nothing from outside needs a check before
 * it is looked at. What readers return is borrowed from the value. Builders
 * take ownership of the values handed to them, also when they fail.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef struct json_object JsonValue;

/* What is deeper than this is refused. */
#define JSON_DEPTH_MAX 32

/* -EBADMSG: not one complete JSON text; -ENOMEM. *ret is owned by the caller. */
int json_value_parse(const char *text, size_t size, JsonValue **ret);
/* The same, but refuses what json-c takes beyond JSON: comments, 'a' for "a", a comma before the
 * end. For what is written back. */
int json_value_parse_strict(const char *text, size_t size, JsonValue **ret);

JsonValue *json_value_ref(JsonValue *value);
/* Returns NULL. */
JsonValue *json_value_unref(JsonValue *value);
DEFINE_CLEANUP(JsonValue *, json_value_unref);
#define _cleanup_json_ _cleanup_(json_value_unref_p)

/* Text on one line, borrowed until the value changes or is released. */
const char *json_value_format(JsonValue *value);
/* The same for people, on several lines, without a new line at the end. */
const char *json_value_format_pretty(JsonValue *value);

/* Readers. `object` and `value` may be NULL: that reads as absent. */
JsonValue *json_value_get(JsonValue *object, const char *key);
bool json_value_is_object(JsonValue *value);
bool json_value_is_array(JsonValue *value);
/* A string with a NUL byte inside reads as `otherwise`: it could not be what it seems. */
const char *json_value_string(JsonValue *value, const char *otherwise);
int64_t json_value_integer(JsonValue *value, int64_t otherwise);
bool json_value_boolean(JsonValue *value, bool otherwise);
size_t json_value_length(JsonValue *array);
JsonValue *json_value_at(JsonValue *array, size_t index);
/* The same, of a member: json_value_get() and a reader in one. */
const char *json_member_string(JsonValue *object, const char *key, const char *otherwise);
int64_t json_member_integer(JsonValue *object, const char *key, int64_t otherwise);
bool json_member_boolean(JsonValue *object, const char *key, bool otherwise);

/* Calls `visit` for each member, in the text's order, until it returns non-zero; returns that. */
int json_visit(JsonValue *object, int (*visit)(const char *key, JsonValue *value, void *userdata),
        void *userdata);

/* Builders: NULL without memory. */
JsonValue *json_new_object(void);
JsonValue *json_new_array(void);
JsonValue *json_new_string(const char *text);
JsonValue *json_new_integer(int64_t number);
JsonValue *json_new_boolean(bool truth);
/* The JSON null, for members that are sent as such. */
#define JSON_NULL ((JsonValue *)NULL)

/* Sets or replaces a member. 0 or -ENOMEM (a NULL object is -ENOMEM: so builders chain).
 * A NULL value is stored as null. */
int json_set(JsonValue *object, const char *key, JsonValue *value);
int json_set_string(JsonValue *object, const char *key, const char *text);
int json_set_integer(JsonValue *object, const char *key, int64_t number);
int json_set_boolean(JsonValue *object, const char *key, bool truth);
void json_unset(JsonValue *object, const char *key);
/* The member that is an object, made if there is none. Borrowed; NULL without memory. */
JsonValue *json_need_object(JsonValue *object, const char *key);
JsonValue *json_need_array(JsonValue *object, const char *key);
int json_append(JsonValue *array, JsonValue *value);
int json_append_string(JsonValue *array, const char *text);
