/* names.c - questions about names, by c-ares.
 *
 * Room      net.
 * In        the table; on_ares_...(), from c-ares.
 * Out       done(), from names_tell() alone: c-ares may answer while it is being asked (hosts file), and a callback from
 *           inside net_resolve() is not what net.h says.
 * Touches   r->ares, made at the first question; its sockets are watched in the loop, its timeouts are a timer.
 *
 * A question is in r->questions until c-ares has answered it, then in r->answers until its user is told. c-ares cannot be
 * told to forget one question, so one that is cancelled goes on, for nobody. */
#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>

#include "net/real_priv.h"

#define TEXT_BLOCK_OCTETS 1024
#define TEXT_MAX_OCTETS (NET_MAX_NAME_RESULTS * 1024u) /* of one answer's texts */
#define MAX_NAME 255
#define FIRST_TRY_MS 1500 /* c-ares doubles it for each further one */
#define TRIES 3

struct question {
    struct list_node     node;
    struct real         *r;
    struct net_question *asked; /* NULL: cancelled */
    enum net_query       type;
    struct answer        answer;
    struct arena         texts;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void open_library(void)
{
    ares_library_init(ARES_LIB_INIT_ALL);
}

/* ---- c-ares in the loop ---- */

static void set_timer(struct real *r)
{
    struct timeval tv, *next = ares_timeout(r->ares, NULL, &tv);

    if (next)
        real_timer_set(&r->net, &r->ares_timer,
                       r->now_us + (uint64_t)next->tv_sec * 1000000 + (uint64_t)next->tv_usec);
    else
        real_timer_cancel(&r->net, &r->ares_timer);
}

static void on_timer(void *arg)
{
    struct real *r = arg;

    ares_process_fd(r->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_socket_ready(struct watch *w, uint32_t events)
{
    struct real *r = w->r;
    int          fd = w->fd;

    real_take_up(r);
    ares_process_fd(r->ares, events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
                    events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static struct watch *find_socket(struct real *r, int fd)
{
    for (struct list_node *i = list_first(&r->watches); i; i = list_next(&r->watches, i)) {
        struct watch *w = LIST_OF(i, struct watch, node);

        if (w->fd == fd && w->ready == on_socket_ready)
            return w;
    }
    return NULL;
}

/* c-ares says what it wants of a socket; nothing: it is about to close it. A socket that cannot be watched is not: its
 * question then times out. */
static void on_ares_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct real  *r = arg;
    struct watch *w = find_socket(r, fd);
    uint32_t      events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);

    if (w && !events) {
        watch_close(w);
    } else if (w) {
        watch_change(w, events);
    } else if (events && (w = mem_zalloc(r->mem, sizeof *w))) {
        w->theirs = true;
        w->ready = on_socket_ready;
        w->octets = sizeof *w;
        if (watch_open(r, w, fd, events))
            mem_free(r->mem, w, sizeof *w);
    }
}

static enum err open_ares(struct real *r)
{
    struct ares_options o = {.timeout = FIRST_TRY_MS, .tries = TRIES, .sock_state_cb = on_ares_socket,
                             .sock_state_cb_data = r};

    if (r->ares_open)
        return ERR_OK;
    pthread_once(&library_once, open_library);
    if (ares_init_options(&r->ares, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
        return ERR_IO;
    r->ares_open = true;
    r->ares_timer = (struct net_timer){.fire = on_timer, .arg = r};
    return ERR_OK;
}

enum err names_use(struct net *n, const char *servers)
{
    struct real *r = real_of(n);
    enum err     e = open_ares(r);

    if (e)
        return e;
    return ares_set_servers_ports_csv(r->ares, servers) == ARES_SUCCESS ? ERR_OK : ERR_INVALID;
}

/* ---- questions ---- */

static void answered(struct question *q)
{
    list_remove(&q->node);
    list_append(&q->r->answers, &q->node);
}

static void on_ares_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct question *q = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        answer_from_addresses(&q->answer, found);
    else
        q->answer.e = answer_err(status);
    if (found)
        ares_freeaddrinfo(found);
    answered(q);
}

static void on_ares_octets(void *arg, int status, int timeouts, unsigned char *octets, int n)
{
    struct question *q = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS)
        answer_from_octets(&q->answer, q->type, octets, n, &q->texts);
    else
        q->answer.e = answer_err(status);
    answered(q);
}

static void ask(struct question *q, const char *name)
{
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT};

    switch (q->type) {
    case NET_A:
    case NET_AAAA:
        hints.ai_family = q->type == NET_A ? AF_INET : AF_INET6;
        ares_getaddrinfo(q->r->ares, name, NULL, &hints, on_ares_addresses, q);
        break;
    case NET_SRV:
        ares_query(q->r->ares, name, ns_c_in, ns_t_srv, on_ares_octets, q);
        break;
    case NET_NAPTR:
        ares_query(q->r->ares, name, ns_c_in, ns_t_naptr, on_ares_octets, q);
        break;
    }
}

/* A name that the system's functions can be given. */
static bool is_plain(struct slice name)
{
    return name.n > 0 && name.n <= MAX_NAME && slice_find(name, '\0') == SIZE_MAX;
}

enum err names_ask(struct net *n, struct net_question *asked, enum net_query type, struct slice name)
{
    struct real     *r = real_of(n);
    struct question *q = mem_zalloc(r->mem, sizeof *q);
    char             z[MAX_NAME + 1];
    struct buf       b = BUF_ON(z);

    if (!q)
        return ERR_NOMEM;
    q->r = r;
    q->asked = asked;
    q->type = type;
    asked->impl = q;
    arena_init(&q->texts, r->mem, TEXT_BLOCK_OCTETS, TEXT_MAX_OCTETS);
    list_append(&r->questions, &q->node);
    if (!is_plain(name))
        q->answer.e = ERR_NOTFOUND;
    else
        q->answer.e = open_ares(r);
    if (q->answer.e) {
        answered(q);
        return ERR_OK;
    }
    buf_put(&b, name);
    buf_putc(&b, '\0');
    ask(q, z);
    set_timer(r);
    return ERR_OK;
}

void names_cancel(struct net *n, struct net_question *asked)
{
    struct question *q = asked->impl;

    (void)n;
    if (q)
        q->asked = NULL;
    asked->impl = NULL;
}

static void free_question(struct question *q)
{
    list_remove(&q->node);
    arena_close(&q->texts);
    mem_free(q->r->mem, q, sizeof *q);
}

void names_tell(struct real *r)
{
    for (struct list_node *i; (i = list_first(&r->answers));) {
        struct question     *q = LIST_OF(i, struct question, node);
        struct net_question *asked = q->asked;

        list_remove(i); /* first: done() may ask the next question, and may be the end of this one's owner */
        if (asked) {
            asked->impl = NULL;
            real_take_up(r);
            asked->done(asked->arg, q->answer.e, q->answer.e ? NULL : q->answer.r, q->answer.e ? 0 : q->answer.n);
        }
        free_question(q);
    }
}

void names_close(struct real *r)
{
    if (r->ares_open)
        ares_destroy(r->ares); /* answers all that is open, which nobody is told */
    r->ares_open = false;
    for (struct list_node *i; (i = list_first(&r->answers));)
        free_question(LIST_OF(i, struct question, node));
}
