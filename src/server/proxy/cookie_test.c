/* cookie_test.c - the keyed cookie of our Record-Route (PROTOCOL 2.1): written, read from either side, and no octet of it, nor
 * of what it is bound to, can be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "server/proxy/proxy_priv.h"
#include "sys/digest.h"
#include "sys/heap.h"

enum { NOW_S = 1735689600 };

struct fixture {
    struct mem      mem;
    struct arena    arena;
    struct digester digester;
    struct proxy    px;
    char            uri[512];
    struct slice    made; /* in it */
};

static struct flow udp(const char *to)
{
    struct flow f = {.kind = TRANSPORT_UDP, .set = 1};

    assert_int_equal(addr_parse(slice_z(to), &f.remote), ERR_OK);
    return f;
}

static struct flow tcp(const char *to)
{
    struct flow f = {.kind = TRANSPORT_TCP, .set = 1, .worker = 3, .listener = 1, .slot = 7, .gen = 99};

    assert_int_equal(addr_parse(slice_z(to), &f.remote), ERR_OK);
    return f;
}

/* The URI that a request from `up` to `down` would bring. */
static struct slice make(struct fixture *f, struct flow up, struct flow down)
{
    const struct cookie_facts facts = {NOW_S, up, down, S("call-1@x"), S("tag-a")};
    struct buf                b = BUF_ON(f->uri);

    buf_put(&b, S("sip:"));
    cookie_put(&f->px, &facts, &b);
    assert_true(b.n - 4 <= PROXY_MAX_COOKIE_OCTETS);
    buf_put(&b, S("@10.0.0.1:5060;lr"));
    return f->made = buf_slice(&b);
}

static int open_fixture(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    heap_mem(&f.mem);
    arena_init(&f.arena, &f.mem, 65536, 0);
    digest_open(&f.digester);
    cookie_key(&f.digester, S("0123456789abcdef0123456789abcdef"), &f.px.cookie_key);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    arena_close(&((struct fixture *)*state)->arena);
    return 0;
}

static const struct msg *request(struct fixture *f, const char *call_id, const char *from_tag, const char *to_tag)
{
    char        text[1024];
    struct buf  b = BUF_ON(text);
    struct msg *m;
    struct slice kept;

    buf_puts(&b, S("INFO sip:b@10.0.0.3 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag="), slice_z(from_tag),
             S("\r\nTo: <sip:b@x>;tag="), slice_z(to_tag), S("\r\nCall-ID: "), slice_z(call_id),
             S("\r\nCSeq: 2 INFO\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(arena_dup(&f->arena, buf_slice(&b), &kept), ERR_OK);
    assert_int_equal(msg_parse(&f->arena, kept, &m), ERR_OK);
    return m;
}

static void both_ways(void **state)
{
    struct fixture     *f = *state;
    struct flow         up = udp("10.0.0.2:5060"), down = tcp("[2001:db8::3]:5070");
    struct slice        uri = make(f, up, down);
    struct proxy_cookie c;
    struct flow         flow;

    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-a", "tag-b"), uri, DIALOG_CALLER, NOW_S, &c), ERR_OK);
    assert_true(c.from_caller);
    assert_true(proxy_cookie_flow(&c, DIALOG_CALLER, &flow) == ERR_OK && flow_eq(&flow, &up));
    assert_true(proxy_cookie_flow(&c, DIALOG_CALLEE, &flow) == ERR_OK && flow_eq(&flow, &down));
    assert_int_equal(proxy_cookie_made_s(&c), NOW_S);
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-b", "tag-a"), uri, DIALOG_CALLER, NOW_S, &c), ERR_OK);
    assert_false(c.from_caller);
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-b", "tag-a"), uri, DIALOG_CALLEE, NOW_S, &c), ERR_OK);
    assert_false(c.from_caller);
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-a", "tag-b"), uri, DIALOG_CALLEE, NOW_S, &c), ERR_OK);
    assert_true(c.from_caller);
}

static void of_this_dialog_alone(void **state)
{
    struct fixture     *f = *state;
    struct slice        uri = make(f, udp("10.0.0.2:5060"), udp("10.0.0.3:5060"));
    struct proxy_cookie c;

    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-2@x", "tag-a", "tag-b"), uri, DIALOG_CALLER, NOW_S, &c), ERR_DENIED);
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-x", "tag-b"), uri, DIALOG_CALLER, NOW_S, &c), ERR_DENIED);
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-b", "tag-c"), uri, DIALOG_CALLER, NOW_S, &c), ERR_DENIED);
    cookie_key(&f->digester, S("0123456789abcdef0123456789abcdee"), &f->px.cookie_key); /* another exchange's */
    assert_int_equal(proxy_cookie_read(&f->px, request(f, "call-1@x", "tag-a", "tag-b"), uri, DIALOG_CALLER, NOW_S, &c), ERR_DENIED);
}

static void age(void **state)
{
    struct fixture     *f = *state;
    const struct msg   *r = request(f, "call-1@x", "tag-a", "tag-b");
    struct slice        uri = make(f, udp("10.0.0.2:5060"), udp("10.0.0.3:5060"));
    struct proxy_cookie c;

    assert_int_equal(proxy_cookie_read(&f->px, r, uri, DIALOG_CALLER, NOW_S + PROXY_COOKIE_S, &c), ERR_OK);
    assert_int_equal(proxy_cookie_read(&f->px, r, uri, DIALOG_CALLER, NOW_S + PROXY_COOKIE_S + 1, &c), ERR_STALE);
    assert_int_equal(proxy_cookie_made_s(&c), NOW_S); /* it is ours all the same: a dialog that is known may go on */
}

static enum err read_changed(struct fixture *f, const struct msg *r, const char *text, size_t n)
{
    struct proxy_cookie c;

    return proxy_cookie_read(&f->px, r, (struct slice){text, n}, DIALOG_CALLER, NOW_S, &c);
}

/* What a store's key makes of a dialog stays so: a cookie that was given out before a restart is good after it. */
static void the_same_in_every_run(void **state)
{
    struct fixture    *f = *state;
    struct slice       uri = make(f, udp("10.0.0.2:5060"), udp("10.0.0.3:5060")), user;
    struct hash_key    again;

    slice_cut(&uri, '@', &user);
    assert_true(slice_eq(user, S("sip:67748580.BAATxAoAAAI.BAATxAoAAAM.1nOWhjtfAEE")));
    cookie_key(&f->digester, S("0123456789abcdef0123456789abcdef"), &again);
    assert_memory_equal(&again, &f->px.cookie_key, sizeof again);
}

/* A MAC of twelve octets, as older versions wrote it, is none: then the dialog's record or credentials admit. */
static void an_older_kind(void **state)
{
    struct fixture   *f = *state;
    const struct msg *r = request(f, "call-1@x", "tag-a", "tag-b");
    struct slice      old = S("sip:67748580.BAATxAoAAAI.BAATxAoAAAM.AAECAwQFBgcICQoL@10.0.0.1:5060;lr");

    assert_int_equal(read_changed(f, r, old.p, old.n), ERR_NOTFOUND);
}

/* Each octet of the user part, as others that may stand there, and left out, and doubled. */
static void no_octet_can_be_changed(void **state)
{
    static const char letters[] = "AZaz09-_.";
    struct fixture   *f = *state;
    const struct msg *r = request(f, "call-1@x", "tag-a", "tag-b");
    struct slice      uri = make(f, tcp("[2001:db8::2]:5060"), udp("10.0.0.3:5060"));
    size_t            user = slice_find(uri, '@'), tried = 0;
    char              text[sizeof f->uri + 1] = "";

    for (size_t i = 4; i < user; i++) {
        for (size_t k = 0; letters[k]; k++) {
            memcpy(text, uri.p, uri.n);
            if (text[i] == letters[k])
                continue;
            text[i] = letters[k];
            assert_int_not_equal(read_changed(f, r, text, uri.n), ERR_OK);
            tried++;
        }
        memcpy(text, uri.p, i);
        memcpy(text + i, uri.p + i + 1, uri.n - i - 1);
        assert_int_not_equal(read_changed(f, r, text, uri.n - 1), ERR_OK);
        memcpy(text, uri.p, i + 1);
        memcpy(text + i + 1, uri.p + i, uri.n - i);
        assert_int_not_equal(read_changed(f, r, text, uri.n + 1), ERR_OK);
    }
    assert_true(tried > 400);
}

static void no_cookie_at_all(void **state)
{
    static const char *const none[] = {"sip:10.0.0.1;lr", "sip:bob@10.0.0.1", "sip:a.b@10.0.0.1", "sip:a.b.c.d.e@10.0.0.1", "sip:...@x",
                                       "tel:+4930123",    "http://10.0.0.1",  "sip:@@",           "sip:zz.AQ.AQ.AAAA@10.0.0.1", ""};
    struct fixture     *f = *state;
    const struct msg   *r = request(f, "call-1@x", "tag-a", "tag-b");

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(read_changed(f, r, none[i], slice_z(none[i]).n), ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_ways, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(of_this_dialog_alone, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(age, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(the_same_in_every_run, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(an_older_kind, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(no_octet_can_be_changed, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(no_cookie_at_all, open_fixture, close_fixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
