/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The engine's own rule for names of containers (IDs keep it, too), but for their least length. It
 * stands here as well because a name becomes part of paths and of API addresses before the engine
 * has a say. Returns the name without the leading slash that the engine drops, in `text`; NULL if
 * it is none. Pure. */
const char *container_name_of(const char *text);

/* For messages: what a name is. */
#define CONTAINER_NAME_RULE "letters, digits, _ . -, the first a letter or digit"
