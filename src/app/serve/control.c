/* control.c - the control socket of a running exchange.
 *
 * Room      app/serve.
 * Touches   its own threads: one that accepts, one for each client (at most CONTROL_MAX_CLIENTS).
 *
 * It speaks lines: a JSON object in, a JSON object out (server/admin, and the act "trace"; doc/trace.md). Who may open it is
 * a matter of the file's mode. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/serve/steward_priv.h"

enum { MAX_LINE = 64 << 20 /* an import is one line */, LINE_OCTETS = 64 << 10, NO_DESCRIPTOR_MS = 200 };

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

bool control_send(struct client *c, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    bool  ok = text && send_all(c->fd, text, strlen(text)) && send_all(c->fd, "\n", 1);

    free(text);
    json_decref(j);
    return ok;
}

bool control_pause(struct client *c, int ms)
{
    struct pollfd p[2] = {{c->fd, POLLIN, 0}, {c->s->control.quit[0], POLLIN, 0}};

    return poll(p, 2, ms) == 0;
}

/* Who has asked for what: never the values, which may be a password. */
static void log_act(struct client *c, const json_t *request, const json_t *reply)
{
    const char     *act = json_string_value(json_object_get(request, "act"));
    const char     *number = json_string_value(json_object_get(request, "number"));
    const char     *fault = json_string_value(json_object_get(reply, "error"));
    struct log_line l;

    log_begin(&l, c->s->x->log, LOG_INFO, LOG_EVENT("admin.act"), SLICE_NONE);
    log_text(&l, "act", slice_z(act));
    if (number)
        log_text(&l, "number", slice_z(number));
    log_text(&l, "result", fault ? slice_z(fault) : S("ok"));
    log_end(&l);
}

static void answer(struct client *c, const char *line, size_t n)
{
    json_error_t fault;
    json_t      *request = json_loadb(line, n, 0, &fault), *reply;
    const char  *act = json_string_value(json_object_get(request, "act"));

    if (act && strcmp(act, "trace") == 0)
        serve_trace_lines(c, request);
    else {
        reply = request ? admin_do(&c->s->admin, request, S("socket"))
                        : json_pack("{s:b, s:s}", "ok", 0, "error", "a JSON object on one line was expected");
        log_act(c, request, reply);
        control_send(c, reply);
    }
    json_decref(request);
}

/* Room for more of a line. False: it is too long, or there is no memory. */
static bool grow(char **line, size_t *cap)
{
    char *more = *cap < MAX_LINE ? realloc(*line, *cap * 2) : NULL;

    if (!more)
        return false;
    *line = more;
    *cap *= 2;
    return true;
}

/* Answers the whole lines of what has come. Returns how many octets are left over, at the front. */
static size_t answer_lines(struct client *c, char *line, size_t n)
{
    char *end;

    while ((end = memchr(line, '\n', n))) {
        size_t used = (size_t)(end - line) + 1;

        answer(c, line, used - 1);
        memmove(line, line + used, n - used);
        n -= used;
    }
    return n;
}

/* Reads lines until the client leaves or the exchange ends. */
static void *client_main(void *arg)
{
    struct client *c = arg;
    size_t         n = 0, cap = LINE_OCTETS;
    char          *line = malloc(cap);

    while (line) {
        struct pollfd p[2] = {{c->fd, POLLIN, 0}, {c->s->control.quit[0], POLLIN, 0}};
        ssize_t       k;

        if (n == cap && !grow(&line, &cap)) {
            control_send(c, json_pack("{s:b, s:s}", "ok", 0, "error", "the line is too long"));
            break;
        }
        if (poll(p, 2, -1) < 0 || p[1].revents || (k = recv(c->fd, line + n, cap - n, 0)) <= 0)
            break;
        n = answer_lines(c, line, n + (size_t)k);
    }
    free(line);
    pthread_mutex_lock(&c->s->control.lock);
    close(c->fd);
    c->done = true;
    pthread_mutex_unlock(&c->s->control.lock);
    return NULL;
}

/* ---- who comes ---- */

static struct client *free_client(struct steward *s)
{
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
        struct client *c = &s->control.client[i];
        bool           done;

        pthread_mutex_lock(&s->control.lock);
        done = c->done;
        pthread_mutex_unlock(&s->control.lock);
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
        control_send(&(struct client){.fd = fd}, json_pack("{s:b, s:s}", "ok", 0, "error", "too many administrators at once: try again"));
        close(fd);
        return;
    }
    *c = (struct client){.s = s, .fd = fd, .used = true};
    if (pthread_create(&c->thread, NULL, client_main, c)) {
        c->used = false;
        close(fd);
    }
}

/* False: it is time to go. */
static bool wait_for_client(struct control *c, bool none_can_come)
{
    struct pollfd p[2] = {{c->quit[0], POLLIN, 0}, {c->fd, POLLIN, 0}};

    /* Without descriptors the one who waits stays at the door: not asked for again at once. */
    if (poll(p, none_can_come ? 1 : 2, none_can_come ? NO_DESCRIPTOR_MS : -1) < 0)
        return errno == EINTR;
    return p[0].revents == 0;
}

static void *control_main(void *arg)
{
    struct steward *s = arg;
    bool            none_can_come = false;

    while (wait_for_client(&s->control, none_can_come)) {
        int fd = accept4(s->control.fd, NULL, NULL, SOCK_CLOEXEC);

        none_can_come = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS);
        if (fd >= 0)
            welcome(s, fd);
    }
    return NULL;
}

static enum err open_socket(struct steward *s, struct exchange_fault *fault)
{
    struct control    *c = &s->control;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    mode_t             mask;
    int                bad;

    if (store_path(s->x->store, S("control.sock"), c->path, sizeof c->path)) {
        c->path[0] = '\0';
        snprintf(fault->text, sizeof fault->text, "the data folder's path is too long for a control socket: at most %zu octets",
                 sizeof c->path - sizeof "/control.sock");
        return ERR_LIMIT;
    }
    memcpy(a.sun_path, c->path, sizeof c->path);
    unlink(c->path); /* of an earlier run: the folder's lock says that nobody else is here */
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    bad = c->fd < 0 || bind(c->fd, (struct sockaddr *)&a, sizeof a) || listen(c->fd, CONTROL_MAX_CLIENTS);
    umask(mask);
    if (!bad)
        return ERR_OK;
    snprintf(fault->text, sizeof fault->text, "the control socket %s cannot be made: %s", c->path, strerror(errno));
    return ERR_IO;
}

enum err control_open(struct steward *s, struct exchange_fault *fault)
{
    struct control *c = &s->control;
    enum err        e;

    c->fd = c->quit[0] = c->quit[1] = -1;
    pthread_mutex_init(&c->lock, NULL);
    if ((e = open_socket(s, fault)))
        return e;
    if (pipe2(c->quit, O_CLOEXEC) || pthread_create(&c->thread, NULL, control_main, s)) {
        snprintf(fault->text, sizeof fault->text, "the control socket's thread cannot be started: %s", strerror(errno));
        return ERR_NOMEM;
    }
    c->runs = true;
    return ERR_OK;
}

static void client_end(struct control *c, struct client *cl)
{
    if (!cl->used)
        return;
    pthread_mutex_lock(&c->lock);
    if (!cl->done)
        shutdown(cl->fd, SHUT_RDWR); /* one that does not read is not waited for */
    pthread_mutex_unlock(&c->lock);
    pthread_join(cl->thread, NULL);
}

void control_close(struct steward *s)
{
    struct control *c = &s->control;

    if (c->quit[1] >= 0)
        close(c->quit[1]);
    if (c->runs)
        pthread_join(c->thread, NULL);
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
        client_end(c, &c->client[i]);
    if (c->fd >= 0) {
        close(c->fd);
        unlink(c->path);
    }
    if (c->quit[0] >= 0)
        close(c->quit[0]);
    pthread_mutex_destroy(&c->lock);
}
