/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a fuzz target on kept inputs, as a test (TAP): no fuzzer and no clang needed. One that
 * breaks ends the program. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static int replay(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    _cleanup_free_ uint8_t *data = NULL;

    must(fd >= 0 && fstat(fd, &st) == 0);
    data = malloc((size_t)st.st_size + 1);
    must(data && read(fd, data, (size_t)st.st_size) == st.st_size);
    (void)close(fd);
    return LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    unsigned n = 0;

    if (!directory) {
        (void)fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        (void)printf("# %s/%s\n", argv[1], entry->d_name);
        (void)fflush(stdout);
        (void)replay(dirfd(directory), entry->d_name);
        n++;
    }
    (void)closedir(directory);
    (void)printf("%sok 1 - %s: %u inputs\n1..1\n", n > 0 ? "" : "not ", argv[1], n);
    return n > 0 ? 0 : 1;
}
