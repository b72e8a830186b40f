/* files.h - whole files and folders, safely. Paths are NUL-terminated strings of our own.
 *
 * On failure errno still holds the system's reason (oserr_put() writes it). */
#ifndef SYS_FILES_H
#define SYS_FILES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

/* Make the folder and those above it that are missing (mode for each new one). One that is there already is well.
 * ERR_DENIED, ERR_NOTFOUND (a part of the path is a file), ERR_EXISTS (the path itself is a file), ERR_LIMIT, ... */
enum err file_make_folder(const char *path, unsigned mode);

/* All of a file, in the arena. ERR_NOTFOUND, ERR_DENIED, ERR_LIMIT (over max_octets), ERR_INVALID (a folder), ERR_NOMEM,
 * ERR_IO. */
enum err file_read(const char *path, size_t max_octets, struct arena *a, struct slice *out);

/* Replace or make a file so that after a crash either the old or the new content is there, whole: written beside it,
 * flushed, renamed, folder flushed. Nothing is left behind on failure. `mode` counts less the process's umask. */
enum err file_write(const char *path, struct slice content, unsigned mode);

#endif
