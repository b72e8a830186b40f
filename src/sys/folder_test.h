/* folder_test.h - for tests: a folder goes with all that is in it. For x_test.c and test/kit only. */
#ifndef SYS_FOLDER_TEST_H
#define SYS_FOLDER_TEST_H

#include <ftw.h>
#include <stdio.h>

static inline int folder_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* 0, or what remove() said. */
static inline int folder_remove(const char *path)
{
    return nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
