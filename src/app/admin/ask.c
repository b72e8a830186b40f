/* ask.c - an act done: by the exchange that runs on the data folder, or on the folder itself.
 *
 * Room      app/admin.
 * Touches   the control socket; or the store, directory, location and dialogs of the folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/admin/admin_priv.h"
#include "server/admin/admin.h"
#include "sys/clock.h"
#include "sys/digest.h"
#include "sys/files.h"
#include "sys/heap.h"
#include "sys/oserr.h"
#include "sys/random.h"

/* -1: nobody listens there. *denied: somebody does or did, but we may not look. */
static int connect_to(const char *data, bool *denied)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int                fd, n = snprintf(a.sun_path, sizeof a.sun_path, "%s/control.sock", data);

    if (n < 0 || (size_t)n >= sizeof a.sun_path)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    *denied = fd >= 0 && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return -1;
}

static json_t *ask_socket(int fd, const json_t *request)
{
    FILE        *f = fdopen(fd, "r+");
    char        *text = json_dumps(request, JSON_COMPACT), *line = NULL;
    size_t       cap = 0;
    json_t      *answer = NULL;
    json_error_t fault;

    if (f && text && fprintf(f, "%s\n", text) > 0 && fflush(f) == 0 && getline(&line, &cap, f) > 0)
        answer = json_loads(line, 0, &fault);
    if (!answer)
        answer = admin_failed("the exchange has not answered: is it just ending?");
    free(line);
    free(text);
    if (f)
        fclose(f);
    else
        close(fd);
    return answer;
}

/* ---- the exchange is down ---- */

struct folder {
    struct mem        mem;
    struct random     random;
    struct digester   digester;
    struct store     *store;
    struct directory *directory;
    struct location  *location;
    struct dialogs   *dialogs;
    char              realm[DIRECTORY_MAX_REALM + 1];
    char              emergency[1024];
};

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return (int64_t)(clock_wall_us() / 1000);
}

static bool on_setting(void *arg, struct slice key, struct slice value)
{
    struct folder *f = arg;

    if (slice_eq(key, S("realm")) && value.n < sizeof f->realm) {
        memcpy(f->realm, value.p, value.n);
        f->realm[value.n] = '\0';
    }
    if (slice_eq(key, S("emergency")) && value.n < sizeof f->emergency) {
        memcpy(f->emergency, value.p, value.n);
        f->emergency[value.n] = '\0';
    }
    return true;
}

static enum err open_folder(struct folder *f, const struct command_line *c, char *why, size_t n)
{
    struct store_fault     sf = {""};
    struct directory_fault df = {""};
    struct store_conf      sc = {.dir = c->data, .mode = STORE_DIRECT, .mem = &f->mem, .random = &f->random, .now_ms = now_ms(NULL)};
    struct directory_conf  dc = {.mem = &f->mem, .random = &f->random, .digester = &f->digester};
    struct location_conf   lc = {.mem = &f->mem, .random = &f->random, .digester = &f->digester, .now_ms = now_ms(NULL)};
    struct dialogs_conf    gc = {.mem = &f->mem, .random = &f->random, .now_ms = now_ms(NULL)};
    char                   path[1100];
    enum err               e;

    heap_mem(&f->mem);
    random_system(&f->random);
    digest_open(&f->digester);
    snprintf(f->realm, sizeof f->realm, "strowger");
    if ((e = store_open(&f->store, &sc, &sf))) {
        snprintf(why, n, "%s", sf.text);
        return e;
    }
    store_each_setting(f->store, on_setting, f);
    if (c->realm)
        snprintf(f->realm, sizeof f->realm, "%s", c->realm);
    dc.store = lc.store = gc.store = f->store;
    dc.realm = slice_z(f->realm);
    dc.emergency = slice_z(f->emergency);
    gc.path = path;
    if ((e = directory_open(&f->directory, &dc, &df)))
        snprintf(why, n, "%s", df.text);
    else if ((e = location_open(&f->location, &lc)))
        snprintf(why, n, "the bindings cannot be read: %s", err_text(e));
    else if ((e = store_path(f->store, S("dialogs.map"), path, sizeof path)) || (e = dialogs_open(&f->dialogs, &gc)))
        snprintf(why, n, "dialogs.map cannot be read: %s", err_text(e));
    return e;
}

static void close_folder(struct folder *f)
{
    dialogs_close(f->dialogs);
    location_close(f->location);
    directory_close(f->directory);
    store_close(f->store);
}

/* Who adds users may begin a data folder; who only looks has probably mistyped its name. */
static bool is_there(const struct command_line *c, char *why, size_t n)
{
    const char *act = json_string_value(json_object_get(c->request, "act"));
    char        text[128];
    struct buf  b = BUF_ON(text);
    struct stat st;

    if (strcmp(act, "user.add") == 0 || strcmp(act, "user.import") == 0) {
        if (file_make_folder(c->data, 0700) == ERR_OK)
            return true;
        if (errno == EEXIST)
            buf_put(&b, S("there is a file of that name"));
        else
            oserr_put(&b, errno);
        snprintf(why, n, "the data folder %.400s cannot be made: %.*s", c->data, SARG(buf_slice(&b)));
        return false;
    }
    if (stat(c->data, &st) == 0)
        return true;
    oserr_put(&b, errno);
    snprintf(why, n, "there is no data in %.400s (%.*s): --data says where it is", c->data, SARG(buf_slice(&b)));
    return false;
}

static json_t *ask_folder(const struct command_line *c)
{
    struct folder f = {.store = NULL};
    char          why[600] = "";
    json_t       *answer = NULL;

    if (!is_there(c, why, sizeof why))
        return admin_failed(why);
    if (open_folder(&f, c, why, sizeof why))
        answer = admin_failed(why);
    else {
        struct admin a = {{.mem = &f.mem, .store = f.store, .directory = f.directory, .location = f.location,
                           .dialogs = f.dialogs, .now_ms = now_ms}};

        answer = admin_do(&a, c->request, S("command line"));
    }
    close_folder(&f);
    return answer;
}

json_t *ask(const struct command_line *c)
{
    bool denied = false;
    int  fd = connect_to(c->data, &denied);
    char why[600];

    if (fd >= 0)
        return ask_socket(fd, c->request);
    if (!denied)
        return ask_folder(c);
    snprintf(why, sizeof why, "the data in %.400s belongs to somebody else: this is for the user who runs the exchange", c->data);
    return admin_failed(why);
}
