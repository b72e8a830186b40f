/* edge.c - an edge proxy: see edge.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/edge.h"
#include "kit/kit_priv.h"
#include "sip/uri/uri.h"

struct edge {
    struct kit     *k;
    struct net     *net;
    struct net_udp *udp;
    char            host[KIT_TEXT / 4];
    char            route[KIT_TEXT]; /* its Path and Record-Route */
    bool            lost;
};

static bool is_me(const struct edge *e, struct slice uri)
{
    struct uri u;

    return uri_parse(uri, &u, NULL) == ERR_OK && slice_eq(u.host, slice_z(e->host));
}

static void send_to_host(struct edge *e, struct slice host, struct slice octets)
{
    struct addr to;

    assert_int_equal(addr_parse_ip(slice_eq(host, S(KIT_DOMAIN)) ? S(KIT_EXCHANGE) : host, &to), ERR_OK);
    to.port = 5060;
    assert_int_equal(net_udp_send(e->net, e->udp, &to, octets), ERR_OK);
}

static void write_and_send(struct edge *e, struct msg_edit *edit, struct slice host)
{
    char       room[KIT_MESSAGE];
    struct buf b = BUF_ON(room);

    assert_int_equal(msg_edit_write(edit, &b), ERR_OK);
    send_to_host(e, host, buf_slice(&b));
}

/* Where the first Route that is not its own leads, else the Request-URI; a phone without a route has the exchange for one. */
static struct slice next_hop(const struct edge *e, const struct msg *m, bool from_exchange, size_t *own_routes)
{
    struct slice     element;
    struct name_addr na;
    struct uri       u;

    for (*own_routes = 0; msg_element(m, HDR_ROUTE, *own_routes, &element) == ERR_OK; (*own_routes)++) {
        assert_int_equal(name_addr_parse(element, &na), ERR_OK);
        assert_int_equal(uri_parse(na.uri, &u, NULL), ERR_OK);
        if (!is_me(e, na.uri))
            return u.host;
    }
    assert_int_equal(uri_parse(m->uri, &u, NULL), ERR_OK);
    return from_exchange || *own_routes ? u.host : S(KIT_EXCHANGE);
}

static void pass_request(struct edge *e, const struct msg *m, bool from_exchange)
{
    char            via[KIT_TEXT], hops[16];
    struct buf      vb = BUF_ON(via), hb = BUF_ON(hops);
    struct msg_edit edit;
    unsigned        left = 70;
    size_t          own_routes;
    struct slice    to = next_hop(e, m, from_exchange, &own_routes);

    assert_non_null(msg_via(m));
    (void)msg_max_forwards(m, &left);
    buf_puts(&vb, S("SIP/2.0/UDP "), slice_z(e->host), S(":5060;branch="), msg_via(m)->branch, S("e")); /* the same for a repeat */
    buf_putu(&hb, left - 1);
    msg_edit_begin(&edit, m);
    msg_edit_push(&edit, HDR_VIA, buf_slice(&vb));
    msg_edit_set(&edit, HDR_MAX_FORWARDS, buf_slice(&hb));
    if (own_routes)
        msg_edit_remove_first(&edit, HDR_ROUTE, own_routes);
    if (m->method_id == METHOD_REGISTER)
        msg_edit_push(&edit, HDR_PATH, slice_z(e->route));
    else if (m->method_id != METHOD_CANCEL && m->method_id != METHOD_ACK && !msg_to_tag(m).n)
        msg_edit_push(&edit, HDR_RECORD_ROUTE, slice_z(e->route));
    write_and_send(e, &edit, to);
}

static void pass_response(struct edge *e, const struct msg *m)
{
    struct msg_edit edit;
    struct slice    element;
    struct via      via;

    assert_int_equal(msg_element(m, HDR_VIA, 1, &element), ERR_OK);
    assert_int_equal(via_parse(element, &via), ERR_OK);
    msg_edit_begin(&edit, m);
    msg_edit_remove_first(&edit, HDR_VIA, 1);
    write_and_send(e, &edit, via.host);
}

static void refuse(struct edge *e, const struct msg *m)
{
    char             room[KIT_MESSAGE];
    struct buf       b = BUF_ON(room);
    struct msg_reply r = {.request = m, .code = 430, .to_tag = S("flow-gone")};

    if (m->method_id == METHOD_ACK)
        return;
    msg_put_reply(&b, &r);
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    send_to_host(e, S(KIT_EXCHANGE), buf_slice(&b));
}

static void on_datagram(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct edge *e = arg;
    struct addr  exchange;
    struct slice kept = SLICE_NONE;
    struct msg  *m;
    bool         from_exchange;

    (void)u;
    (void)to;
    assert_int_equal(addr_parse_ip(S(KIT_EXCHANGE), &exchange), ERR_OK);
    from_exchange = addr_same_ip(from, &exchange);
    assert_int_equal(arena_dup(&e->k->arena, octets, &kept), ERR_OK);
    assert_int_equal(msg_parse(&e->k->arena, kept, &m), ERR_OK);
    if (!m->is_request)
        pass_response(e, m);
    else if (e->lost && from_exchange)
        refuse(e, m);
    else
        pass_request(e, m, from_exchange);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err why)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)why;
}

struct edge *edge_add(struct kit *k)
{
    static const struct net_udp_on on = {.octets = on_datagram, .error = on_error};
    struct net_udp_options         o = {0};
    struct edge                   *e = ARENA_NEW(&k->arena, struct edge);
    struct fake_node              *node;

    assert_non_null(e);
    assert_true(k->n_edges < KIT_MAX_EDGES);
    e->k = k;
    snprintf(e->host, sizeof e->host, "10.0.1.%zu", k->n_edges + 1);
    snprintf(e->route, sizeof e->route, "<sip:%s:5060;lr;ob>", e->host);
    assert_int_equal(fake_add_node(k->world, e->host, 1, &node), ERR_OK);
    e->net = fake_net(node, 0);
    assert_int_equal(addr_parse_ip(slice_z(e->host), &o.local), ERR_OK);
    o.local.port = 5060;
    assert_int_equal(net_udp_open(e->net, &o, &on, e, &e->udp), ERR_OK);
    k->edge[k->n_edges++] = e;
    return e;
}

void edge_close(struct edge *e)
{
    net_udp_close(e->net, e->udp);
}

const char *edge_host(const struct edge *e)
{
    return e->host;
}

void edge_lose_flows(struct edge *e)
{
    e->lost = true;
}

void edge_register(struct edge *e, struct peer *phone, unsigned flow)
{
    char what[4 * KIT_TEXT];

    assert_int_equal(addr_parse_ip(slice_z(e->host), &phone->outbound), ERR_OK);
    phone->outbound.port = 5060;
    phone->by_edge = true;
    snprintf(what, sizeof what,
             "REGISTER %s\nExpires: 3600\nSupported: path, outbound\n"
             "Contact: <%s>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-00000a000001>\";reg-id=%u",
             phone->number, phone->contact, flow);
    peer_send(phone, what);
    peer_expect(phone, "200 REGISTER");
}
