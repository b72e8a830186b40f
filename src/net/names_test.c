/* names_test.c - questions about names, answered by a name server in the same loop, on the loopback. */
#include "net/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/real_priv.h"
#include "sys/guard.h"
#include "sys/heap.h"

#define PATIENCE_US 20000000

enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_NAPTR = 35 };

struct stage {
    struct heap_counted heap;
    struct net         *n;
    struct net_udp     *server;
    struct net_timer    patience;
    bool                timed_out, silent, broken;
    unsigned            asked, wanted;
};

static struct stage st;

static void give_up(void *arg)
{
    (void)arg;
    st.timed_out = true;
    net_real_stop(st.n);
}

/* ---- a name server ---- */

static void put16(struct buf *b, unsigned v)
{
    buf_putc(b, (char)(v >> 8));
    buf_putc(b, (char)v);
}

static void put_name(struct buf *b, const char *z)
{
    struct slice rest = slice_z(z), label;
    bool         more = rest.n > 0;

    while (more) {
        more = slice_cut(&rest, '.', &label);
        buf_putc(b, (char)label.n);
        buf_put(b, label);
    }
    buf_putc(b, '\0');
}

static void put_text(struct buf *b, const char *z)
{
    buf_putc(b, (char)slice_z(z).n);
    buf_put(b, slice_z(z));
}

/* The head of a record for the name in the question; its content follows. */
static size_t begin_record(struct buf *b, unsigned type, unsigned ttl)
{
    put16(b, 0xc00c);
    put16(b, type);
    put16(b, 1);
    put16(b, ttl >> 16);
    put16(b, ttl & 0xffff);
    put16(b, 0);
    return b->n;
}

static void end_record(struct buf *b, size_t began)
{
    size_t n = b->n - began;

    b->p[began - 2] = (char)(n >> 8);
    b->p[began - 1] = (char)n;
}

static unsigned put_srv(struct buf *b, const char *target, unsigned priority, unsigned ttl)
{
    size_t at = begin_record(b, TYPE_SRV, ttl);

    put16(b, priority);
    put16(b, 60);
    put16(b, 5080);
    put_name(b, target);
    end_record(b, at);
    return 1;
}

static unsigned put_naptr(struct buf *b)
{
    size_t at = begin_record(b, TYPE_NAPTR, 300);

    put16(b, 10);
    put16(b, 50);
    put_text(b, "s");
    put_text(b, "SIP+D2T");
    put_text(b, "");
    put_name(b, "_sip._tcp.example.test");
    end_record(b, at);
    return 1;
}

static unsigned put_ip(struct buf *b, unsigned type, const char *text)
{
    struct addr a;
    size_t      at = begin_record(b, type, 77);

    assert_int_equal(addr_parse_ip(slice_z(text), &a), ERR_OK);
    buf_put(b, (struct slice){(const char *)a.ip, type == TYPE_A ? 4 : 16});
    end_record(b, at);
    return 1;
}

/* Answers whatever is asked under example.test; names that begin with "no" are not there. */
static unsigned put_answers(struct buf *b, unsigned type)
{
    switch (type) {
    case TYPE_A:
        return put_ip(b, TYPE_A, "192.0.2.7") + put_ip(b, TYPE_A, "192.0.2.8");
    case TYPE_AAAA:
        return put_ip(b, TYPE_AAAA, "2001:db8::7");
    case TYPE_SRV:
        return put_srv(b, "one.example.test", 1, 900) + put_srv(b, "two.example.test", 2, 30);
    case TYPE_NAPTR:
        return put_naptr(b);
    default:
        return 0;
    }
}

static void on_question(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice q)
{
    char       octets[1024];
    struct buf b = BUF_ON(octets);
    size_t     name_end = slice_find(slice_from(q, 12), '\0') + 12 + 1;
    bool       there = q.p[13] != 'n' || q.p[14] != 'o';
    unsigned   n = 0;

    (void)arg;
    (void)to;
    st.asked++;
    if (st.silent)
        return;
    buf_put(&b, slice_to(q, 2));
    put16(&b, there ? 0x8180 : 0x8183); /* an answer; no such name */
    put16(&b, 1);
    put16(&b, 0);
    put16(&b, 0);
    put16(&b, 0);
    buf_put(&b, slice_to(slice_from(q, 12), name_end + 4 - 12));
    if (there)
        n = put_answers(&b, (unsigned)(unsigned char)q.p[name_end + 1]);
    octets[7] = (char)n;
    net_udp_send(st.n, u, from, st.broken ? slice_to(buf_slice(&b), b.n - 3) : buf_slice(&b));
}

static const struct net_udp_on on_server = {.octets = on_question};

static int begin(void **state)
{
    struct net_udp_options o = {0};
    struct addr            at;
    char                   text[64];
    struct buf             b = BUF_ON(text);

    (void)state;
    memset(&st, 0, sizeof st);
    heap_counted_init(&st.heap, NULL, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK);
    st.patience.fire = give_up;
    net_timer_set(st.n, &st.patience, net_now_us(st.n) + PATIENCE_US);
    assert_int_equal(addr_parse(S("127.0.0.1"), &o.local), ERR_OK);
    assert_int_equal(net_udp_open(st.n, &o, &on_server, NULL, &st.server), ERR_OK);
    net_udp_local(st.n, st.server, &at);
    addr_put(&b, &at);
    buf_putc(&b, '\0');
    assert_int_equal(names_use(st.n, text), ERR_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_false(st.timed_out);
    net_real_close(st.n);
    assert_int_equal(st.heap.octets, 0);
    return 0;
}

/* ---- questions ---- */

struct got {
    unsigned          told;
    enum err          e;
    size_t            n;
    struct net_record r[8];
    char              text[8][3][64];
};

static void copy(char *to, struct slice s)
{
    assert_true(s.n < 64);
    if (s.n)
        memcpy(to, s.p, s.n);
    to[s.n] = '\0';
}

static void on_answer(void *arg, enum err e, const struct net_record *r, size_t n)
{
    struct got *g = arg;

    assert_true(n <= 8);
    g->told++;
    g->e = e;
    g->n = n;
    for (size_t i = 0; i < n; i++) {
        g->r[i] = r[i];
        copy(g->text[i][0], r[i].target);
        copy(g->text[i][1], r[i].flags);
        copy(g->text[i][2], r[i].service);
    }
    if (--st.wanted == 0)
        net_real_stop(st.n);
}

static struct got ask(enum net_query q, struct slice name)
{
    struct got          g = {0};
    struct net_question asked = {.done = on_answer, .arg = &g};

    st.wanted = 1;
    assert_int_equal(net_resolve(st.n, &asked, q, name), ERR_OK);
    assert_int_equal(g.told, 0);
    net_real_run(st.n);
    assert_int_equal(g.told, 1);
    return g;
}

static void addresses_of_both_families(void **state)
{
    struct got g = ask(NET_A, S("host.example.test"));

    (void)state;
    assert_int_equal(g.e, ERR_OK);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.r[0].type, NET_A);
    assert_int_equal(g.r[0].ttl_s, 77);
    assert_true(addr_eq(&g.r[0].addr, &(struct addr){ADDR_IP4, 0, 0, {192, 0, 2, 7}}));
    assert_true(addr_eq(&g.r[1].addr, &(struct addr){ADDR_IP4, 0, 0, {192, 0, 2, 8}}));
    g = ask(NET_AAAA, S("host.example.test."));
    assert_int_equal(g.n, 1);
    assert_int_equal(g.r[0].type, NET_AAAA);
    assert_int_equal(g.r[0].addr.ip[15], 7);
}

static void services_and_their_order(void **state)
{
    struct got g = ask(NET_SRV, S("_sip._udp.example.test"));

    (void)state;
    assert_int_equal(g.e, ERR_OK);
    assert_int_equal(g.n, 2);
    assert_string_equal(g.text[0][0], "one.example.test");
    assert_string_equal(g.text[1][0], "two.example.test");
    assert_int_equal(g.r[0].priority, 1);
    assert_int_equal(g.r[0].weight, 60);
    assert_int_equal(g.r[0].port, 5080);
    assert_int_equal(g.r[0].ttl_s, 30); /* the least of the answer */
    g = ask(NET_NAPTR, S("example.test"));
    assert_int_equal(g.e, ERR_OK);
    assert_int_equal(g.n, 1);
    assert_string_equal(g.text[0][0], "_sip._tcp.example.test");
    assert_string_equal(g.text[0][1], "s");
    assert_string_equal(g.text[0][2], "SIP+D2T");
    assert_int_equal(g.r[0].priority, 10);
    assert_int_equal(g.r[0].weight, 50);
    assert_int_equal(g.r[0].ttl_s, 300);
}

static void names_that_are_not_there(void **state)
{
    (void)state;
    assert_int_equal(ask(NET_SRV, S("no.example.test")).e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_A, S("no.example.test")).e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_NAPTR, S("no.example.test")).e, ERR_NOTFOUND);
}

static void names_that_are_none_are_not_asked_for(void **state)
{
    static char long_name[300];

    (void)state;
    memset(long_name, 'a', sizeof long_name);
    assert_int_equal(ask(NET_A, SLICE_NONE).e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_A, (struct slice){"a\0b.example.test", 16}).e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_SRV, (struct slice){long_name, sizeof long_name}).e, ERR_NOTFOUND);
    assert_int_equal(ask(NET_SRV, (struct slice){long_name, 200}).e, ERR_NOTFOUND); /* a label too long */
    assert_int_equal(st.asked, 0);
}

static void the_hosts_file_is_read(void **state)
{
    struct got g;

    (void)state;
    if (access("/etc/hosts", R_OK))
        skip(); /* a bare container has none */
    g = ask(NET_A, S("localhost"));
    assert_int_equal(g.e, ERR_OK);
    assert_true(addr_is_loopback(&g.r[0].addr));
    assert_int_equal(st.asked, 0);
}

static void many_questions_at_once(void **state)
{
    struct got          g[32] = {{0}};
    struct net_question q[32];

    (void)state;
    st.wanted = 32;
    for (int i = 0; i < 32; i++) {
        q[i] = (struct net_question){.done = on_answer, .arg = &g[i]};
        assert_int_equal(net_resolve(st.n, &q[i], i % 2 ? NET_SRV : NET_A, S("host.example.test")), ERR_OK);
    }
    net_real_run(st.n);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(g[i].told, 1);
        assert_int_equal(g[i].n, 2);
    }
}

/* One before it is answered, one that the hosts file has answered already: neither is told, and a third one is. */
static void a_question_that_is_cancelled_is_not_answered(void **state)
{
    struct got          g[3] = {{0}};
    struct net_question q[3];

    (void)state;
    st.wanted = 1;
    for (int i = 0; i < 3; i++)
        q[i] = (struct net_question){.done = on_answer, .arg = &g[i]};
    net_resolve_cancel(st.n, &q[0]); /* not asked yet */
    assert_int_equal(net_resolve(st.n, &q[0], NET_A, S("host.example.test")), ERR_OK);
    assert_int_equal(net_resolve(st.n, &q[1], NET_A, S("localhost")), ERR_OK);
    assert_int_equal(net_resolve(st.n, &q[2], NET_SRV, S("_sip._udp.example.test")), ERR_OK);
    net_resolve_cancel(st.n, &q[0]);
    net_resolve_cancel(st.n, &q[1]);
    memset(q, 0xff, 2 * sizeof *q); /* their owner has gone */
    net_real_run(st.n);
    assert_int_equal(g[0].told + g[1].told, 0);
    assert_int_equal(g[2].n, 2);
    net_resolve_cancel(st.n, &q[2]); /* answered */
}

static void an_answer_cut_short_is_no_answer(void **state)
{
    (void)state;
    st.broken = true;
    assert_int_equal(ask(NET_SRV, S("_sip._udp.example.test")).e, ERR_IO);
}

static void stop(void *arg)
{
    (void)arg;
    net_real_stop(st.n);
}

static void closing_ends_what_is_open(void **state)
{
    struct got          g = {0};
    struct net_question q = {.done = on_answer, .arg = &g};

    (void)state;
    st.silent = true;
    assert_int_equal(net_resolve(st.n, &q, NET_A, S("host.example.test")), ERR_OK);
    net_post(st.n, stop, NULL);
    net_real_run(st.n);
    net_real_close(st.n);
    assert_int_equal(g.told, 0);
    assert_int_equal(st.heap.octets, 0);
    assert_int_equal(net_real_open(&st.heap.mem, &st.n), ERR_OK); /* for the end */
}

/* ---- answers from outside, cut anywhere ---- */

static void an_answer_is_read_no_further_than_its_end(void **state)
{
    char          octets[1024];
    struct buf    b = BUF_ON(octets);
    struct guard  g;
    struct mem    mem;
    struct arena  a;
    struct answer out;

    (void)state;
    heap_mem(&mem);
    assert_int_equal(guard_open(&g, sizeof octets), ERR_OK);
    buf_put(&b, (struct slice){"\x12\x34\x81\x80\0\1\0\2\0\0\0\0", 12});
    put_name(&b, "example.test");
    put16(&b, TYPE_SRV);
    put16(&b, 1);
    put_answers(&b, TYPE_SRV);
    for (size_t n = 0; n <= b.n; n++) {
        struct slice s = guard_copy(&g, slice_to(buf_slice(&b), n));

        arena_init(&a, &mem, 1024, 0);
        answer_from_octets(&out, NET_SRV, (const unsigned char *)s.p, (int)s.n, &a);
        assert_true(n == b.n ? out.e == ERR_OK && out.n == 2 : out.e != ERR_OK && out.n == 0);
        answer_from_octets(&out, NET_NAPTR, (const unsigned char *)s.p, (int)s.n, &a);
        assert_true(out.e != ERR_OK);
        arena_close(&a);
    }
    guard_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_of_both_families, begin, end),
        cmocka_unit_test_setup_teardown(services_and_their_order, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_not_there, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_none_are_not_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(the_hosts_file_is_read, begin, end),
        cmocka_unit_test_setup_teardown(many_questions_at_once, begin, end),
        cmocka_unit_test_setup_teardown(a_question_that_is_cancelled_is_not_answered, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_cut_short_is_no_answer, begin, end),
        cmocka_unit_test_setup_teardown(closing_ends_what_is_open, begin, end),
        cmocka_unit_test(an_answer_is_read_no_further_than_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
