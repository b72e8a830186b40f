/* replay_main.c - plays a fuzz target over the files of a folder, once each, without libFuzzer.
 *
 * In        argv[1]: the folder. Every input is a block of exactly its size, so that AddressSanitizer sees the first
 *           octet read past it.
 * Out       how many files were played; exit 1 when there is none, since a test of nothing must not pass. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_OCTETS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int play(const char *path)
{
    struct stat st;
    uint8_t *data = NULL;
    size_t n;
    int ok = 0;
    FILE *f = fopen(path, "rb");

    if (!f || fstat(fileno(f), &st))
        goto out;
    if (!S_ISREG(st.st_mode)) {
        ok = 1;
        goto out;
    }
    n = (size_t)st.st_size;
    data = malloc(n);
    if ((n && !data) || fread(data, 1, n, f) != n)
        goto out;
    LLVMFuzzerTestOneInput(data, n);
    ok = 1;
out:
    if (!ok)
        perror(path);
    free(data);
    if (f)
        fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    char path[PATH_OCTETS];
    struct dirent *entry;
    size_t played = 0;
    int bad = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;

    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER (a folder of inputs that can be read)\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (play(path))
            played++;
        else
            bad = 1;
    }
    closedir(folder);
    printf("%zu inputs played\n", played);
    return bad || !played;
}
