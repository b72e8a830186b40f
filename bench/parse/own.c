/* own.c - strowger's own parser as a reader, in stages. */
#include "own.h"

#include <string.h>

#include "sip/msg/msg.h"

enum { ARENA_OCTETS = 64 * 1024 };

static char         arena_block[ARENA_OCTETS];
static struct arena arena;

static void *scan(struct slice octets, struct fields *out)
{
    const char *p = octets.p, *end = p + octets.n, *lf;

    while (p < end && (lf = memchr(p, '\n', (size_t)(end - p)))) {
        out->body_octets++; /* so that nothing is left out */
        p = lf + 1;
    }
    return out;
}

static void *parse(struct slice octets, struct fields *out)
{
    struct msg *m;

    (void)out;
    arena_init_fixed(&arena, arena_block, sizeof arena_block);
    return msg_parse(&arena, octets, &m) ? NULL : m;
}

static void put_uri(struct fields *f, enum field user, const struct uri *u)
{
    if (!u)
        return;
    f->text[user] = u->user;
    f->text[user + 1] = u->host;
}

static void *route(struct slice octets, struct fields *out)
{
    struct msg *m = parse(octets, out);
    struct cseq c;

    if (!m)
        return NULL;
    if (m->is_request && msg_request_uri(m))
        out->text[FIELD_URI_HOST] = msg_request_uri(m)->host;
    if (msg_via(m))
        out->text[FIELD_VIA_BRANCH] = msg_via(m)->branch;
    if (msg_cseq(m, &c) == ERR_OK)
        out->cseq = c.number;
    out->text[FIELD_FROM_TAG] = msg_from_tag(m);
    out->text[FIELD_TO_TAG] = msg_to_tag(m);
    out->text[FIELD_CALL_ID] = msg_call_id(m);
    put_uri(out, FIELD_ROUTE_USER, msg_route_uri(m));
    return m;
}

static void *check(struct slice octets, struct fields *out)
{
    struct msg *m = route(octets, out);

    return m && msg_check(m, NULL) == 0 ? m : NULL;
}

static void put_parties(struct fields *f, const struct msg *m)
{
    put_uri(f, FIELD_FROM_USER, msg_from_uri(m));
    put_uri(f, FIELD_TO_USER, msg_to_uri(m));
    f->text[FIELD_FROM_TAG] = msg_from_tag(m);
    f->text[FIELD_TO_TAG] = msg_to_tag(m);
    put_uri(f, FIELD_CONTACT_USER, msg_contact_uri(m));
    put_uri(f, FIELD_ROUTE_USER, msg_route_uri(m));
}

static struct msg *put_all(struct fields *out, struct msg *m)
{
    const struct via *v = msg_via(m);
    struct cseq       c;

    out->text[FIELD_METHOD] = m->method;
    out->status = m->status;
    if (m->is_request)
        put_uri(out, FIELD_URI_USER, msg_request_uri(m));
    if (v) {
        out->text[FIELD_VIA_HOST] = v->host;
        out->text[FIELD_VIA_BRANCH] = v->branch;
    }
    put_parties(out, m);
    out->text[FIELD_CALL_ID] = msg_call_id(m);
    if (msg_cseq(m, &c) == ERR_OK) {
        out->cseq = c.number;
        out->text[FIELD_CSEQ_METHOD] = c.method;
    }
    (void)msg_max_forwards(m, &out->max_forwards);
    out->body_octets = (uint32_t)m->body.n;
    return m;
}

static void *full(struct slice octets, struct fields *out)
{
    struct msg *m = parse(octets, out);

    return m ? put_all(out, m) : NULL;
}

static void *checked(struct slice octets, struct fields *out)
{
    struct msg *m = parse(octets, out);

    return m && msg_check(m, NULL) == 0 ? put_all(out, m) : NULL;
}

static void close_message(void *opened)
{
    (void)opened; /* the next one takes the same arena */
}

const struct reader own_readers[OWN_N] = {
    [OWN_SCAN] = {"scan", false, scan, close_message},    [OWN_PARSE] = {"parse", false, parse, close_message},
    [OWN_ROUTE] = {"route", false, route, close_message}, [OWN_CHECK] = {"check", false, check, close_message},
    [OWN_FULL] = {"strowger", true, full, close_message}, [OWN_CHECKED] = {"checked", true, checked, close_message},
};
