/* files.c - whole files and folders.
 *
 * Room      sys.
 * Touches   the disk. Every function leaves errno at the first failure's reason. */
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/oserr.h"

static enum err failed(int errnum)
{
    errno = errnum;
    return oserr(errnum);
}

static enum err make_one(const char *path, unsigned mode)
{
    struct stat st;

    if (mkdir(path, (mode_t)mode) == 0)
        return ERR_OK;
    if (errno != EEXIST)
        return failed(errno);
    if (stat(path, &st))
        return failed(errno);
    return S_ISDIR(st.st_mode) ? ERR_OK : failed(EEXIST);
}

enum err file_make_folder(const char *path, unsigned mode)
{
    char     part[PATH_MAX];
    size_t   n = strlen(path);
    enum err e;

    if (n == 0)
        return failed(ENOENT);
    if (n >= sizeof part)
        return failed(ENAMETOOLONG);
    for (size_t i = 1; i < n; i++) {
        if (path[i] != '/' || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if ((e = make_one(part, mode)))
            return e == ERR_EXISTS ? failed(ENOTDIR) : e;
    }
    return make_one(path, mode);
}

static enum err read_all(int fd, char *p, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n) {
        ssize_t r = read(fd, p + *got, n - *got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return failed(errno);
        if (r == 0)
            break;
        *got += (size_t)r;
    }
    return ERR_OK;
}

enum err file_read(const char *path, size_t max_octets, struct arena *a, struct slice *out)
{
    struct stat st;
    char       *p;
    size_t      n;
    enum err    e = ERR_OK;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return failed(errno);
    if (fstat(fd, &st))
        e = failed(errno);
    else if (S_ISDIR(st.st_mode))
        e = failed(EINVAL);
    else if (st.st_size < 0 || (uint64_t)st.st_size > max_octets)
        e = failed(EFBIG);
    else if (!(p = arena_alloc(a, (size_t)st.st_size)))
        e = failed(ENOMEM);
    else if ((e = read_all(fd, p, (size_t)st.st_size, &n)) == ERR_OK)
        *out = (struct slice){p, n};
    close(fd);
    return e;
}

static enum err write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t w = write(fd, s.p, s.n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return failed(errno);
        s = slice_from(s, (size_t)w);
    }
    return ERR_OK;
}

static enum err flush_folder_of(const char *path)
{
    char        folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t      n = slash ? (size_t)(slash - path) : 0;
    int         fd;
    enum err    e = ERR_OK;

    memcpy(folder, path, n);
    memcpy(folder + n, slash && n == 0 ? "/" : n ? "" : ".", n ? 1 : 2);
    if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return failed(errno);
    if (fsync(fd))
        e = failed(errno);
    close(fd);
    return e;
}

enum err file_write(const char *path, struct slice content, unsigned mode)
{
    char     beside[PATH_MAX];
    int      fd, said;
    enum err e;

    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return failed(ENAMETOOLONG);
    unlink(beside); /* a crash may have left one, with whatever mode */
    if ((fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode)) < 0)
        return failed(errno);
    if ((e = write_all(fd, content)) == ERR_OK && fsync(fd))
        e = failed(errno);
    said = errno;
    if (close(fd) && e == ERR_OK)
        e = failed(said = errno);
    if (e == ERR_OK && rename(beside, path))
        e = failed(said = errno);
    if (e) {
        unlink(beside);
        errno = said;
        return e;
    }
    return flush_folder_of(path);
}
