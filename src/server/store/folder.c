/* folder.c - the data folder: made, locked, its key file read or made.
 *
 * Room      server/store. One strowger per folder: an flock on DATA/lock, which the kernel gives back however the process
 *           ends. The number in the file is for people only.
 * Touches   s->dir, s->lock_fd, s->key.
 * Not here  the database (db.c). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/store/store_priv.h"
#include "sys/random.h"

/* A fault about the system's answer `number` (errno), and which of our errors that is. */
static enum err system_fault(struct store_fault *fault, const char *doing, const char *path, int number)
{
    snprintf(fault->text, sizeof fault->text, "%s %.200s: %s", doing, path, strerror(number));
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOTDIR:
    case ENOENT:
        return ERR_NOTFOUND;
    case ENAMETOOLONG:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

enum err store_path(const struct store *s, struct slice name, char *out, size_t n)
{
    struct buf b;

    buf_init(&b, out, n);
    buf_puts(&b, slice_z(s->dir), S("/"), name, ((struct slice){"\0", 1}));
    return buf_err(&b);
}

static enum err make_folder(const char *path, struct store_fault *fault)
{
    struct stat st;

    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno != EEXIST)
        return system_fault(fault, "cannot make the folder", path, errno);
    if (stat(path, &st) != 0)
        return system_fault(fault, "cannot look at", path, errno);
    if (!S_ISDIR(st.st_mode)) {
        snprintf(fault->text, sizeof fault->text, "%.200s is not a folder", path);
        return ERR_DENIED;
    }
    return ERR_OK;
}

/* Who holds the lock, as far as the file says; 0 when it does not. */
static unsigned long holder_of(int fd)
{
    char     text[24];
    ssize_t  n = pread(fd, text, sizeof text, 0);
    uint64_t pid;

    if (n <= 0 || slice_u64(slice_trim((struct slice){text, (size_t)n}), INT_MAX, &pid))
        return 0;
    return (unsigned long)pid;
}

static enum err cannot_write(struct store_fault *fault, const char *path, int number)
{
    enum err e = system_fault(fault, "cannot write", path, number);
    size_t   n = strlen(fault->text);

    if (e == ERR_DENIED)
        snprintf(fault->text + n, sizeof fault->text - n, "; be the folder's owner, or choose another with --data");
    return e;
}

static enum err lock_folder(struct store *s, struct store_fault *fault)
{
    char path[STORE_PATH_OCTETS], pid[24];
    int  n;

    if (store_path(s, S("lock"), path, sizeof path))
        return system_fault(fault, "cannot use", s->dir, ENAMETOOLONG);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return cannot_write(fault, path, errno);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return system_fault(fault, "cannot lock", path, errno);
        snprintf(fault->text, sizeof fault->text,
                 "another strowger (process %lu) is using %.200s; stop it, or choose another folder with --data",
                 holder_of(s->lock_fd), s->dir);
        return ERR_BUSY;
    }
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
        return system_fault(fault, "cannot write", path, errno ? errno : ENOSPC);
    return ERR_OK;
}

/* Write the key beside its place and move it there: a crash leaves a whole key or none. */
static enum err write_key(struct store *s, const char *folder, const char *path, struct store_fault *fault)
{
    char     fresh[STORE_PATH_OCTETS];
    int      fd, dir_fd;
    enum err e = ERR_OK;

    if (store_path(s, S("keys/exchange.key.new"), fresh, sizeof fresh))
        return system_fault(fault, "cannot use", s->dir, ENAMETOOLONG);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_fault(fault, "cannot write", fresh, errno);
    random_octets(s->conf.random, s->key, sizeof s->key);
    errno = ENOSPC; /* what a short write means */
    if (write(fd, s->key, sizeof s->key) != (ssize_t)sizeof s->key || fsync(fd) != 0)
        e = system_fault(fault, "cannot write", fresh, errno);
    close(fd);
    if (!e && rename(fresh, path) != 0)
        e = system_fault(fault, "cannot write", path, errno);
    if (e)
        return e;
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0) {
        fsync(dir_fd); /* a file system that cannot do this has nothing better to offer */
        close(dir_fd);
    }
    return ERR_OK;
}

static enum err read_key(struct store *s, struct store_fault *fault)
{
    char          folder[STORE_PATH_OCTETS], path[STORE_PATH_OCTETS];
    unsigned char octets[STORE_KEY_OCTETS + 1];
    ssize_t       n;
    int           fd;
    enum err      e;

    if (store_path(s, S("keys"), folder, sizeof folder) || store_path(s, S("keys/exchange.key"), path, sizeof path))
        return system_fault(fault, "cannot use", s->dir, ENAMETOOLONG);
    if ((e = make_folder(folder, fault)))
        return e;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return write_key(s, folder, path, fault);
    if (fd < 0)
        return system_fault(fault, "cannot read", path, errno);
    n = read(fd, octets, sizeof octets);
    close(fd);
    if (n < 0)
        return system_fault(fault, "cannot read", path, EIO);
    if (n != STORE_KEY_OCTETS) {
        snprintf(fault->text, sizeof fault->text,
                 "%.200s is damaged: it should have %d octets; restore it, or remove it to begin with a new key", path,
                 STORE_KEY_OCTETS);
        return ERR_INVALID;
    }
    memcpy(s->key, octets, STORE_KEY_OCTETS);
    return ERR_OK;
}

enum err store_folder_open(struct store *s, struct store_fault *fault)
{
    struct buf b = BUF_ON(s->dir);
    enum err   e;

    s->lock_fd = -1;
    buf_puts(&b, slice_z(s->conf.dir), ((struct slice){"\0", 1}));
    if (buf_err(&b))
        return system_fault(fault, "cannot use", s->conf.dir, ENAMETOOLONG);
    if ((e = make_folder(s->dir, fault)))
        return e;
    if ((e = lock_folder(s, fault)))
        return e;
    return read_key(s, fault);
}

void store_folder_close(struct store *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = -1;
    explicit_bzero(s->key, sizeof s->key);
}

struct slice store_key(const struct store *s)
{
    return (struct slice){(const char *)s->key, sizeof s->key};
}
