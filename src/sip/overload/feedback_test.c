/* feedback_test.c - RFC 7339: what is offered, reported and heeded. */
#include "sip/overload/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct via via(const char *text)
{
    struct via v;

    assert_int_equal(via_parse(slice_z(text), &v), ERR_OK);
    return v;
}

static bool offers(const char *text)
{
    struct via v = via(text);

    return overload_is_offered(&v);
}

static void who_takes_reports(void **state)
{
    (void)state;
    assert_true(offers("SIP/2.0/UDP a;branch=z9hG4bK1" OVERLOAD_OFFER));
    assert_true(offers("SIP/2.0/UDP a;OC;branch=z9hG4bK1;oc-algo=\"rate,loss\""));
    assert_true(offers("SIP/2.0/UDP a;oc"));
    assert_false(offers("SIP/2.0/UDP a;branch=z9hG4bK1"));
    assert_false(offers("SIP/2.0/UDP a;oc;oc-algo=\"rate\""));
    assert_false(offers("SIP/2.0/UDP a;oc=20")); /* that is a report */
    assert_false(offers("SIP/2.0/UDP a;oc-algo=\"loss\";ocx"));
}

static void a_report_takes_the_offers_place(void **state)
{
    char       text[200];
    struct buf b = BUF_ON(text);
    struct via v = via("SIP/2.0/UDP a:5060;oc;rport=7;oc-algo=\"loss,rate\";branch=z9hG4bK1;received=192.0.2.1");

    (void)state;
    overload_put_report(&b, &v, &(struct overload_report){20, 500, 1282321615072});
    if (!slice_eq(buf_slice(&b), S("SIP/2.0/UDP a:5060;rport=7;branch=z9hG4bK1;received=192.0.2.1;oc=20;oc-algo=\"loss\";oc-validity=500;"
                                   "oc-seq=1282321615.072")))
        fail_msg("%.*s", SARG(buf_slice(&b)));
}

static enum err read(const char *params, struct overload_report *out)
{
    char       text[200];
    struct buf b = BUF_ON(text);
    struct via v;

    buf_puts(&b, S("SIP/2.0/UDP a;branch=z9hG4bK1"), slice_z(params));
    assert_int_equal(via_parse(buf_slice(&b), &v), ERR_OK);
    return overload_read_report(&v, out);
}

static void what_a_report_says(void **state)
{
    struct overload_report r;

    (void)state;
    assert_int_equal(read(";oc=20;oc-algo=\"loss\";oc-validity=1000;oc-seq=1282321615.7", &r), ERR_OK);
    assert_int_equal(r.loss, 20);
    assert_int_equal(r.valid_ms, 1000);
    assert_int_equal(r.seq, 1282321615700);
    assert_int_equal(read(";oc=0", &r), ERR_OK);
    assert_int_equal(r.valid_ms, OVERLOAD_VALID_MS);
    assert_int_equal(r.seq, 0);
    assert_int_equal(read(";oc=5;oc-seq=7.12345", &r), ERR_OK);
    assert_int_equal(r.seq, 7123);
    assert_int_equal(read("", &r), ERR_NOTFOUND);
    assert_int_equal(read(";oc", &r), ERR_NOTFOUND); /* our own offer: the peer does not know it */
    assert_int_equal(read(";oc=150;oc-algo=\"rate\"", &r), ERR_SYNTAX);
    assert_int_equal(read(";oc=50;oc-algo=\"rate\"", &r), ERR_UNSUPPORTED);
    assert_int_equal(read(";oc=x", &r), ERR_SYNTAX);
    assert_int_equal(read(";oc=1;oc-validity=x", &r), ERR_SYNTAX);
    assert_int_equal(read(";oc=1;oc-seq=1.x", &r), ERR_SYNTAX);
}

static unsigned let_of_100(const struct overload_throttle *t, uint64_t now_ms)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 100; i++)
        n += overload_throttle_lets(t, now_ms, i);
    return n;
}

static void a_share_is_held_back_while_the_report_holds(void **state)
{
    struct overload_throttle t = {0};

    (void)state;
    assert_int_equal(let_of_100(&t, 0), 100);
    overload_throttle_hear(&t, &(struct overload_report){20, 500, 10}, 1000);
    assert_int_equal(let_of_100(&t, 1000), 80);
    assert_int_equal(let_of_100(&t, 1500), 100); /* it has run out */
    overload_throttle_hear(&t, &(struct overload_report){100, 500, 9}, 1200); /* older than the one that holds */
    assert_int_equal(let_of_100(&t, 1300), 80);
    overload_throttle_hear(&t, &(struct overload_report){100, 500, 11}, 1200);
    assert_int_equal(let_of_100(&t, 1699), 0);
    overload_throttle_hear(&t, &(struct overload_report){0, 0, 12}, 1300);
    assert_int_equal(let_of_100(&t, 1300), 100); /* it is over before its time */
    overload_throttle_hear(&t, &(struct overload_report){50, 500, 1}, 9000); /* the server has begun anew */
    assert_int_equal(let_of_100(&t, 9100), 50);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {T(who_takes_reports), T(a_report_takes_the_offers_place), T(what_a_report_says),
                                       T(a_share_is_held_back_while_the_report_holds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
