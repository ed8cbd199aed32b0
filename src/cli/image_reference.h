/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* Is this what docker takes for an IMAGE: [HOST[:PORT]/]NAME[:TAG][@DIGEST], or an image's ID?
 * (github.com/distribution/reference has the grammar.) Pure. A word that is none is most often a
 * flag's value that slipped out of its place. */
bool image_reference_is_valid(const char *text);
