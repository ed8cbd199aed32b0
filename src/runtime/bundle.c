/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle.h"

#include <errno.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

/* Docker's are 10 to 60 KB. What makes one large is the environment, which execve(2) limits. */
#define CONFIG_MAX (16U << 20)

int bundle_set_cgroups_path(const char *bundle, const char *cgroups_path)
{
    _cleanup_free_ char *path = text_format("%s/config.json", bundle);
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ JsonValue *config = NULL;
    JsonValue *linux_part;
    const char *rewritten;
    size_t size;
    int r;

    if (!path)
        return -ENOMEM;
    r = file_read(path, CONFIG_MAX, &text, &size);
    if (r < 0)
        return r;
    r = json_value_parse(text, size, &config);
    if (r < 0)
        return r;
    linux_part = json_value_get(config, "linux");
    if (!json_value_is_object(linux_part))
        return -EBADMSG;
    r = json_set_string(linux_part, "cgroupsPath", cgroups_path);
    if (r < 0)
        return r;
    rewritten = json_value_format(config);
    return rewritten ? file_rewrite(path, rewritten) : -ENOMEM;
}
