/* osip2.c - libosip2 as a reader: osip_message_parse() reads all header fields that it knows. */
#include <stdarg.h>
#include <stdlib.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

#include "reader.h"

static void put_uri(struct fields *f, enum field user, const osip_uri_t *uri)
{
    f->text[user] = field_z(uri->username);
    f->text[user + 1] = field_z(uri->host);
}

static void put_party(struct fields *f, enum field user, osip_from_t *party)
{
    osip_generic_param_t *tag;

    put_uri(f, user, party->url);
    if (osip_from_get_tag(party, &tag) == OSIP_SUCCESS)
        f->text[user + 2] = field_z(tag->gvalue);
}

static void put_lists(struct fields *f, const osip_message_t *m)
{
    osip_via_t           *via = osip_list_get(&m->vias, 0);
    osip_contact_t       *contact = osip_list_get(&m->contacts, 0);
    osip_route_t         *route = osip_list_get(&m->routes, 0);
    osip_generic_param_t *branch;
    osip_header_t        *forwards;

    if (via) {
        f->text[FIELD_VIA_HOST] = field_z(via->host);
        if (osip_via_param_get_byname(via, (char *)(size_t)"branch", &branch) == OSIP_SUCCESS)
            f->text[FIELD_VIA_BRANCH] = field_z(branch->gvalue);
    }
    if (contact && contact->url)
        put_uri(f, FIELD_CONTACT_USER, contact->url);
    if (route)
        put_uri(f, FIELD_ROUTE_USER, route->url);
    if (osip_message_get_max_forwards(m, 0, &forwards) >= 0 && forwards)
        f->max_forwards = (uint32_t)strtoul(forwards->hvalue, NULL, 10);
}

static void put_all(struct fields *f, const osip_message_t *m)
{
    f->status = (uint32_t)m->status_code;
    f->text[FIELD_METHOD] = field_z(m->sip_method);
    if (m->req_uri)
        put_uri(f, FIELD_URI_USER, m->req_uri);
    if (m->from)
        put_party(f, FIELD_FROM_USER, m->from);
    if (m->to)
        put_party(f, FIELD_TO_USER, m->to);
    if (m->call_id)
        f->text[FIELD_CALL_ID] = field_z(m->call_id->number);
    if (m->cseq) {
        f->cseq = (uint32_t)strtoul(m->cseq->number, NULL, 10);
        f->text[FIELD_CSEQ_METHOD] = field_z(m->cseq->method);
    }
    if (m->content_length)
        f->body_octets = (uint32_t)strtoul(m->content_length->value, NULL, 10);
    put_lists(f, m);
}

static void *open_message(struct slice octets, struct fields *out)
{
    osip_message_t *m;

    if (osip_message_init(&m) != OSIP_SUCCESS)
        return NULL;
    if (osip_message_parse(m, octets.p, octets.n) != OSIP_SUCCESS) {
        osip_message_free(m);
        return NULL;
    }
    put_all(out, m);
    return m;
}

static void close_message(void *opened)
{
    osip_message_free(opened);
}

/* Why it refuses a message would go to the terminal. */
static void tell_nobody(const char *file, int line, osip_trace_level_t level, const char *format, va_list arguments)
{
    (void)file;
    (void)line;
    (void)level;
    (void)format;
    (void)arguments;
}

__attribute__((constructor)) static void begin(void)
{
    parser_init();
    osip_trace_initialize_func(TRACE_LEVEL0, tell_nobody);
}

const struct reader reader = {"libosip2", true, open_message, close_message};
