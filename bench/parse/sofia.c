/* sofia.c - sofia-sip as a reader: msg_extract() reads all header fields that it knows. */
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <string.h>

#include "reader.h"

static void put_uri(struct fields *f, enum field user, const url_t *uri)
{
    f->text[user] = field_z(uri->url_user);
    f->text[user + 1] = field_z(uri->url_host);
}

static void put_party(struct fields *f, enum field user, const sip_addr_t *party)
{
    put_uri(f, user, party->a_url);
    f->text[user + 2] = field_z(party->a_tag);
}

static void put_start(struct fields *f, const sip_t *sip)
{
    if (sip->sip_status)
        f->status = (uint32_t)sip->sip_status->st_status;
    if (sip->sip_request) {
        f->text[FIELD_METHOD] = field_z(sip->sip_request->rq_method_name);
        put_uri(f, FIELD_URI_USER, sip->sip_request->rq_url);
    }
}

static void put_all(struct fields *f, const sip_t *sip)
{
    put_start(f, sip);
    if (sip->sip_via) {
        f->text[FIELD_VIA_HOST] = field_z(sip->sip_via->v_host);
        f->text[FIELD_VIA_BRANCH] = field_z(sip->sip_via->v_branch);
    }
    if (sip->sip_from)
        put_party(f, FIELD_FROM_USER, sip->sip_from);
    if (sip->sip_to)
        put_party(f, FIELD_TO_USER, sip->sip_to);
    if (sip->sip_call_id)
        f->text[FIELD_CALL_ID] = field_z(sip->sip_call_id->i_id);
    if (sip->sip_cseq) {
        f->cseq = sip->sip_cseq->cs_seq;
        f->text[FIELD_CSEQ_METHOD] = field_z(sip->sip_cseq->cs_method_name);
    }
    if (sip->sip_contact)
        put_uri(f, FIELD_CONTACT_USER, sip->sip_contact->m_url);
    if (sip->sip_route)
        put_uri(f, FIELD_ROUTE_USER, sip->sip_route->r_url);
    if (sip->sip_max_forwards)
        f->max_forwards = (uint32_t)sip->sip_max_forwards->mf_count;
    if (sip->sip_content_length)
        f->body_octets = (uint32_t)sip->sip_content_length->l_length;
}

/* The octets go into the message's own buffers, as they do from a socket. */
static bool fill(msg_t *m, struct slice octets)
{
    msg_iovec_t to[4];
    isize_t     n = msg_recv_iovec(m, to, sizeof to / sizeof *to, (usize_t)octets.n, 1);
    size_t      at = 0;

    for (isize_t i = 0; i < n && at < octets.n; i++) {
        size_t part = octets.n - at < to[i].mv_len ? octets.n - at : to[i].mv_len;

        memcpy(to[i].mv_base, octets.p + at, part);
        at += part;
    }
    return n > 0 && at == octets.n && msg_recv_commit(m, (usize_t)octets.n, 1) >= 0;
}

static void *open_message(struct slice octets, struct fields *out)
{
    msg_t *m = msg_create(sip_default_mclass(), 0);
    sip_t *sip;

    if (!m)
        return NULL;
    if (!fill(m, octets) || msg_extract(m) <= 0 || msg_has_error(m) || !(sip = sip_object(m)) || sip->sip_error) {
        msg_destroy(m);
        return NULL;
    }
    put_all(out, sip);
    return m;
}

static void close_message(void *opened)
{
    msg_destroy(opened);
}

const struct reader reader = {"sofia-sip", true, open_message, close_message};
