/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A command line in one string, taken apart as the shell would. Pure. */

/*
 * Words are separated by blanks and new lines. Single quotes keep all as it is; double quotes too,
 * but for a backslash before one of \ " $ ` (a new line there is dropped with it); outside of
 * quotes a backslash keeps the next character (POSIX.1-2017, shell 2.2). Nothing is expanded: there
 * is no shell.
 *
 * *ret ends with NULL and is the caller's, see text_vector_free(); it is never without words.
 * -EINVAL with *ret_complaint, static: "a quote is not closed"; -ENOMEM.
 */
int command_line_split(const char *text, char ***ret, const char **ret_complaint);
