/* steward.c - the recorder and the control socket of a running exchange.
 *
 * Room      app/serve.
 * Touches   its own threads: one that accepts, one for each client (at most MAX_CLIENTS).
 *
 * The socket speaks lines: a JSON object in, a JSON object out (server/admin). The act "trace" gives what was recorded, one
 * line an entry, and with "follow" goes on until the client leaves. Who may open it is a matter of the file's mode. */
#include "app/serve/steward.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "recorder/recorder.h"
#include "server/admin/admin.h"
#include "sys/clock.h"

enum {
    MAX_CLIENTS = 16,
    MAX_LINE = 64 << 20,   /* an import is one line */
    FOLLOW_MS = 100,
    END_CALL_S = 5,
    KEPT_OCTETS = 48 << 20
};

struct client {
    struct steward *s;
    pthread_t       thread;
    int             fd;
    bool            used, done;
};

struct steward {
    struct exchange *x;
    struct recorder *recorder;
    struct admin     admin;
    int              fd;
    int              quit[2]; /* closed for writing when it is time to go */
    pthread_t        thread;
    bool             runs;
    struct client    client[MAX_CLIENTS];
    pthread_mutex_t  lock;    /* the table of clients */
    char             path[sizeof ((struct sockaddr_un *)0)->sun_path];
};

/* ---- ending a call: asked of the call's shard, waited for here ---- */

struct ending {
    pthread_mutex_t  lock;
    pthread_cond_t   said;
    struct core     *core;
    struct dialog_id id;
    bool             done, left; /* left: nobody waits any more, so the shard frees it */
    enum err         result;
    struct mem      *mem;
};

static void ending_free(struct ending *e)
{
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->said);
    mem_free(e->mem, e, sizeof *e);
}

static void end_in_shard(void *arg, struct shard *sh)
{
    struct ending *e = arg;
    enum err       result = core_hang_up(e->core, sh, e->id, S("ended by an administrator"));
    bool           left;

    pthread_mutex_lock(&e->lock);
    e->result = result;
    e->done = true;
    left = e->left;
    pthread_cond_signal(&e->said);
    pthread_mutex_unlock(&e->lock);
    if (left)
        ending_free(e);
}

static enum err wait_for(struct ending *e)
{
    struct timespec t;
    enum err        result;
    bool            done;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += END_CALL_S;
    pthread_mutex_lock(&e->lock);
    while (!e->done && pthread_cond_timedwait(&e->said, &e->lock, &t) == 0)
        continue;
    done = e->done;
    result = done ? e->result : ERR_TIMEOUT;
    e->left = !done;
    pthread_mutex_unlock(&e->lock);
    if (done)
        ending_free(e);
    return result;
}

static enum err end_call(void *ctx, struct dialog_id id)
{
    struct steward      *s = ctx;
    struct dialog_record r;
    struct arena         a;
    struct ending       *e;
    enum err             err;

    arena_init(&a, s->x->mem, 4096, 0);
    err = dialogs_get(s->x->dialogs, id, &a, &r);
    arena_close(&a);
    if (err)
        return err;
    if (!(e = mem_zalloc(s->x->mem, sizeof *e)))
        return ERR_NOMEM;
    e->mem = s->x->mem;
    e->core = s->x->core;
    e->id = id;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->said, NULL);
    if ((err = stack_post(s->x->stack, r.shard, end_in_shard, e))) {
        ending_free(e);
        return err;
    }
    return wait_for(e);
}

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return (int64_t)(clock_wall_us() / 1000);
}

/* ---- one client ---- */

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool send_json(int fd, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    bool  ok = text && send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1);

    free(text);
    json_decref(j);
    return ok;
}

static void set_text(json_t *o, const char *key, struct slice s)
{
    json_t *j = json_stringn(s.n ? s.p : "", s.n);

    json_object_set_new(o, key, j ? j : json_string("(not UTF-8)"));
}

static void set_addr(json_t *o, const char *key, const struct addr *a)
{
    char       text[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(text);

    addr_put(&b, a);
    set_text(o, key, buf_slice(&b));
}

static json_t *entry_json(const struct recorder_item *item)
{
    const struct record_entry *e = item->entry;
    json_t                    *o = json_object();
    size_t                     cap = e->octets.n / 3 * 4 + 8;
    char                      *room = malloc(cap);
    struct buf                 b;

    json_object_set_new(o, "n", json_integer((json_int_t)item->serial));
    json_object_set_new(o, "t", json_integer((json_int_t)e->wall_us));
    json_object_set_new(o, "missed", json_integer((json_int_t)e->missed));
    if (e->kind == RECORD_REASON) {
        set_text(o, "code", e->code);
        set_text(o, "call-id", e->call_id);
        set_text(o, "text", e->octets);
    } else if (room) {
        json_object_set_new(o, "out", json_boolean(e->out));
        set_text(o, "transport", e->transport);
        set_addr(o, "local", &e->local);
        set_addr(o, "remote", &e->remote);
        buf_init(&b, room, cap);
        buf_put_base64(&b, e->octets);
        set_text(o, "octets", buf_slice(&b));
    }
    free(room);
    return o;
}

struct tracing {
    struct client *c;
    bool           gone;
};

static bool on_item(void *arg, const struct recorder_item *item)
{
    struct tracing *t = arg;

    t->gone = !send_json(t->c->fd, entry_json(item));
    return !t->gone;
}

/* Wait a little; false when the client has left or the exchange ends. */
static bool pause_for(struct client *c)
{
    struct pollfd p[2] = {{c->fd, POLLIN, 0}, {c->s->quit[0], POLLIN, 0}};

    return poll(p, 2, FOLLOW_MS) == 0;
}

static void trace(struct client *c, const json_t *request)
{
    struct tracing t = {c, false};
    bool           follow = json_is_true(json_object_get(request, "follow")), lost = false;
    uint64_t       after = (uint64_t)json_integer_value(json_object_get(request, "after"));
    json_t        *end;

    do {
        bool some = false;

        after = recorder_each(c->s->recorder, after, on_item, &t, &some);
        lost = lost || some;
    } while (follow && !t.gone && pause_for(c));
    end = json_pack("{s:b, s:b, s:I, s:b}", "ok", 1, "end", 1, "n", (json_int_t)after, "lost", lost);
    if (!t.gone)
        send_json(c->fd, end);
    else
        json_decref(end);
}

static void answer(struct client *c, const char *line, size_t n)
{
    json_error_t fault;
    json_t      *request = json_loadb(line, n, 0, &fault), *reply;
    const char  *act = json_string_value(json_object_get(request, "act"));

    if (act && strcmp(act, "trace") == 0)
        trace(c, request);
    else {
        reply = request ? admin_do(&c->s->admin, request, S("socket"))
                        : json_pack("{s:b, s:s}", "ok", 0, "error", "a JSON object on one line was expected");
        send_json(c->fd, reply);
    }
    json_decref(request);
}

/* Reads lines until the client leaves or the exchange ends. */
static void *client_main(void *arg)
{
    struct client *c = arg;
    size_t         n = 0, cap = 65536;
    char          *line = malloc(cap), *end;

    while (line) {
        struct pollfd p[2] = {{c->fd, POLLIN, 0}, {c->s->quit[0], POLLIN, 0}};
        ssize_t       k;

        if (n == cap) {
            char *more = cap < MAX_LINE ? realloc(line, cap *= 2) : NULL;

            if (!more)
                break;
            line = more;
        }
        if (poll(p, 2, -1) < 0 || p[1].revents || (k = recv(c->fd, line + n, cap - n, 0)) <= 0)
            break;
        n += (size_t)k;
        while ((end = memchr(line, '\n', n))) {
            size_t used = (size_t)(end - line) + 1;

            answer(c, line, used - 1);
            memmove(line, line + used, n - used);
            n -= used;
        }
    }
    free(line);
    pthread_mutex_lock(&c->s->lock);
    close(c->fd);
    c->done = true;
    pthread_mutex_unlock(&c->s->lock);
    return NULL;
}

/* ---- who comes ---- */

static struct client *free_client(struct steward *s)
{
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        struct client *c = &s->client[i];
        bool           done;

        pthread_mutex_lock(&s->lock);
        done = c->done;
        pthread_mutex_unlock(&s->lock);
        if (c->used && done) {
            pthread_join(c->thread, NULL);
            c->used = c->done = false;
        }
        if (!c->used)
            return c;
    }
    return NULL;
}

static void welcome(struct steward *s, int fd)
{
    struct client *c = free_client(s);

    if (!c) {
        send_json(fd, json_pack("{s:b, s:s}", "ok", 0, "error", "too many administrators at once: try again"));
        close(fd);
        return;
    }
    *c = (struct client){.s = s, .fd = fd, .used = true};
    if (pthread_create(&c->thread, NULL, client_main, c)) {
        c->used = false;
        close(fd);
    }
}

static void *steward_main(void *arg)
{
    struct steward *s = arg;

    for (;;) {
        struct pollfd p[2] = {{s->fd, POLLIN, 0}, {s->quit[0], POLLIN, 0}};
        int           fd;

        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents)
            return NULL;
        if (p[0].revents && (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
            welcome(s, fd);
    }
}

static enum err open_socket(struct steward *s, struct exchange_fault *fault)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    mode_t             mask;
    int                bad;

    if (store_path(s->x->store, S("control.sock"), s->path, sizeof s->path)) {
        snprintf(fault->text, sizeof fault->text, "the data folder's path is too long for a control socket (%zu octets)",
                 sizeof s->path - 14);
        return ERR_LIMIT;
    }
    memcpy(a.sun_path, s->path, sizeof s->path);
    unlink(s->path); /* of an earlier run: the folder's lock says that nobody else is here */
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mask = umask(0177);
    bad = s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof a) || listen(s->fd, MAX_CLIENTS);
    umask(mask);
    if (!bad)
        return ERR_OK;
    snprintf(fault->text, sizeof fault->text, "the control socket %s cannot be made: %s", s->path, strerror(errno));
    return ERR_IO;
}

enum err steward_open(struct exchange *x, const struct serve_options *options, struct steward **out, struct exchange_fault *fault)
{
    struct recorder_config rc = {.mem = x->mem, .record = x->record, .n_record = x->n_workers, .octets = KEPT_OCTETS, .threaded = true};
    struct steward        *s = mem_zalloc(x->mem, sizeof *s);
    enum err               e = ERR_NOMEM;

    (void)options;
    snprintf(fault->text, sizeof fault->text, "out of memory");
    if (!s)
        return ERR_NOMEM;
    s->x = x;
    s->fd = s->quit[0] = s->quit[1] = -1;
    pthread_mutex_init(&s->lock, NULL);
    s->admin.config = (struct admin_config){.mem = x->mem, .store = x->store, .directory = x->directory, .location = x->location,
                                            .dialogs = x->dialogs, .now_ms = now_ms, .end_call = end_call, .ctx = s};
    if ((e = recorder_open(&rc, &s->recorder)) || (e = open_socket(s, fault)))
        goto fail;
    if (pipe2(s->quit, O_CLOEXEC) || pthread_create(&s->thread, NULL, steward_main, s)) {
        e = ERR_NOMEM;
        goto fail;
    }
    s->runs = true;
    *out = s;
    return ERR_OK;
fail:
    steward_close(s);
    return e;
}

void steward_close(struct steward *s)
{
    if (!s)
        return;
    if (s->quit[1] >= 0)
        close(s->quit[1]);
    if (s->runs)
        pthread_join(s->thread, NULL);
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (s->client[i].used) {
            pthread_mutex_lock(&s->lock);
            if (!s->client[i].done)
                shutdown(s->client[i].fd, SHUT_RDWR);
            pthread_mutex_unlock(&s->lock);
            pthread_join(s->client[i].thread, NULL);
        }
    if (s->fd >= 0) {
        close(s->fd);
        unlink(s->path);
    }
    if (s->quit[0] >= 0)
        close(s->quit[0]);
    recorder_close(s->recorder);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->x->mem, s, sizeof *s);
}
