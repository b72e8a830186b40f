/* names.c - names from a table.
 *
 * Room      net/fake.
 * Touches   the world's table of names; each question under way is an event, and in its node's list. */
#include <string.h>

#include "net/fake/fake_priv.h"

struct record_of_name {
    struct list_node  node;
    struct net_record r; /* its slices point behind it */
    size_t            octets;
    char              text[];
};

struct name {
    struct map_node node;
    struct list     records;
    size_t          n;
    char            text[];
};

struct question {
    struct event         event;
    struct list_node     node;
    struct fake         *w;
    struct net_question *asked;
    enum net_query       type;
    bool                 answered;
    size_t               n;
    char                 text[];
};

static struct slice without_dot(struct slice s)
{
    return s.n && s.p[s.n - 1] == '.' ? slice_to(s, s.n - 1) : s;
}

static struct name *find_name(struct fake *w, struct slice text)
{
    for (struct map_node *m = map_find(&w->names, hash_octets_lower(&w->key, text)); m; m = map_find_next(m)) {
        struct name *n = MAP_OF(m, struct name, node);

        if (slice_ieq((struct slice){n->text, n->n}, text))
            return n;
    }
    return NULL;
}

static struct name *add_name(struct fake *w, struct slice text)
{
    struct name *n = find_name(w, text);

    if (n)
        return n;
    n = fake_alloc(w, sizeof *n + text.n);
    n->n = text.n;
    if (text.n)
        memcpy(n->text, text.p, text.n);
    list_init(&n->records);
    map_insert(&w->names, &n->node, hash_octets_lower(&w->key, text));
    return n;
}

static void keep(struct slice *s, char **at)
{
    if (s->n)
        memcpy(*at, s->p, s->n);
    s->p = *at;
    *at += s->n;
}

void fake_add_record(struct fake *w, struct slice name, const struct net_record *r)
{
    size_t                 octets = r->target.n + r->flags.n + r->service.n;
    struct record_of_name *copy = fake_alloc(w, sizeof *copy + octets);
    char                  *at = copy->text;

    copy->octets = octets;
    copy->r = *r;
    copy->r.target = without_dot(copy->r.target);
    keep(&copy->r.target, &at);
    keep(&copy->r.flags, &at);
    keep(&copy->r.service, &at);
    list_append(&add_name(w, without_dot(name))->records, &copy->node);
}

void fake_add_address(struct fake *w, struct slice name, struct slice ip)
{
    struct net_record r = {.ttl_s = 60};

    if (addr_parse_ip(ip, &r.addr) == ERR_OK) {
        r.type = r.addr.family == ADDR_IP6 ? NET_AAAA : NET_A;
        fake_add_record(w, name, &r);
    }
}

void fake_add_srv(struct fake *w, struct slice name, struct slice target, uint16_t port, uint16_t priority, uint16_t weight)
{
    struct net_record r = {
        .type = NET_SRV, .ttl_s = 60, .target = target, .port = port, .priority = priority, .weight = weight};

    fake_add_record(w, name, &r);
}

static void free_name(struct fake *w, struct name *n)
{
    for (struct list_node *i; (i = list_pop(&n->records));) {
        struct record_of_name *r = LIST_OF(i, struct record_of_name, node);

        fake_free(w, r, sizeof *r + r->octets);
    }
    map_remove(&w->names, &n->node);
    fake_free(w, n, sizeof *n + n->n);
}

void fake_remove_name(struct fake *w, struct slice name)
{
    struct name *n = find_name(w, without_dot(name));

    if (n)
        free_name(w, n);
}

void fake_names_close(struct fake *w)
{
    struct map_cursor cursor = {0};

    for (struct map_node *m; (m = map_walk(&w->names, &cursor));)
        free_name(w, MAP_OF(m, struct name, node));
    map_close(&w->names);
}

void fake_set_names(struct fake *w, uint32_t delay_us, bool answering)
{
    w->names_us = delay_us;
    w->names_answer = answering;
}

static void free_question(struct question *q)
{
    q->asked->impl = NULL;
    fake_event_cancel(q->w, &q->event);
    list_remove(&q->node);
    fake_free(q->w, q, sizeof *q + q->n);
}

static size_t find_records(struct fake *w, const struct question *q, struct net_record *r)
{
    struct name *name = find_name(w, (struct slice){q->text, q->n});
    size_t       n = 0;

    for (struct list_node *i = name ? list_first(&name->records) : NULL; i && n < NET_MAX_NAME_RESULTS;
         i = list_next(&name->records, i)) {
        const struct net_record *one = &LIST_OF(i, struct record_of_name, node)->r;

        if (one->type == q->type)
            r[n++] = *one;
    }
    return n;
}

static void run_question(struct fake *w, struct event *e)
{
    struct question     *q = EVENT_OF(e, struct question, event);
    struct net_question *asked = q->asked;
    struct net_record    r[NET_MAX_NAME_RESULTS];
    size_t               found = q->answered ? find_records(w, q, r) : 0;
    enum err             why = !q->answered ? ERR_TIMEOUT : found ? ERR_OK : ERR_NOTFOUND;

    free_question(q);
    asked->done(asked->arg, why, found ? r : NULL, found);
}

void fake_names_cancel(struct net *n, struct net_question *asked)
{
    (void)n;
    if (asked->impl)
        free_question(asked->impl);
}

void fake_names_drop(struct fake_node *n)
{
    for (struct list_node *i; (i = list_first(&n->questions));)
        free_question(LIST_OF(i, struct question, node));
}

enum err fake_names_ask(struct net *n, struct net_question *asked, enum net_query type, struct slice name)
{
    struct fake_node *node = worker_of(n)->node;
    struct fake      *w = node->w;
    struct slice      text = without_dot(name);
    struct question  *q;

    if (!node->up)
        return ERR_CLOSED;
    q = fake_alloc(w, sizeof *q + text.n);
    *q = (struct question){.event = {.run = run_question},
                           .w = w,
                           .asked = asked,
                           .type = type,
                           .answered = w->names_answer,
                           .n = text.n};
    if (text.n)
        memcpy(q->text, text.p, text.n);
    asked->impl = q;
    list_append(&node->questions, &q->node);
    fake_event_set(w, &q->event, w->now_us + (q->answered ? w->names_us : FAKE_NAMES_TIMEOUT_US));
    return ERR_OK;
}
