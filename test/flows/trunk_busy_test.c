/* trunk_busy_test.c - a trunk that has more to do than it can says so (RFC 7339), and is spared calls.
 *
 *   alice             strowger            berlin   paris
 *     |---- INVITE ----->|---- INVITE ----->|        |    Via: ...;oc;oc-algo="loss"
 *     |<--- 486 ---------|<--- 486 ---------|        |    Via: ...;oc=100;oc-validity=20000
 *     |---- INVITE ----->|---- INVITE -------------->|    within 20 seconds: by the other one, or 503 */
#include "flows/trunks.h"

/* Berlin answers, and in our own Via stands how busy it is itself. */
static void berlin_answers(struct house *h, const struct msg *m, unsigned code, const char *report)
{
    struct slice offer = slice_z(";oc;oc-algo=\"loss\"");
    char         text[2000], reported[2000];
    struct buf   b = BUF_ON(text), out = BUF_ON(reported);
    size_t       oc;

    assert_int_equal(msg_put_refusal(&b, &(struct msg_reply){.request = m, .code = code, .to_tag = S("busy")}), ERR_OK);
    oc = slice_find_slice(buf_slice(&b), offer);
    assert_true(oc != SIZE_MAX);
    buf_puts(&out, slice_to(buf_slice(&b), oc), slice_z(report), slice_from(buf_slice(&b), oc + offer.n));
    peer_send_raw(h->berlin, buf_slice(&out));
}

/* Berlin takes a call, and whoever is called there is busy. */
static void a_call_that_it_takes(struct house *h, const char *report)
{
    peer_send(h->alice, "INVITE 05551");
    berlin_answers(h, peer_expect(h->berlin, "INVITE"), 486, report);
    peer_expect(h->berlin, "ACK");
    peer_expect(h->alice, "486");
    peer_send(h->alice, "ACK");
}

static void rfc7339_the_other_trunk_takes_it(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*/1/ preference=10");
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/ preference=20");
    kit_wait_ms(h.k, 1500); /* they are taken up */
    a_call_that_it_takes(&h, ";oc=100;oc-algo=\"loss\";oc-validity=20000;oc-seq=1.1");
    peer_send(h.alice, "INVITE 05552");
    peer_expect(h.paris, "INVITE");
    peer_send(h.paris, "486");
    peer_expect(h.paris, "ACK");
    peer_expect(h.alice, "486");
    peer_send(h.alice, "ACK");
    peer_expect_nothing(h.berlin, 20000); /* and then it is asked again */
    a_call_that_it_takes(&h, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=2.0");
    a_call_that_it_takes(&h, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=3.0");
    end(&h);
}

static void rfc7339_without_another_the_caller_is_told_503(void **state)
{
    struct house h = begin_with((struct kit_options){.story = true});

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*/1/");
    kit_wait_ms(h.k, 1500);
    a_call_that_it_takes(&h, ";oc=100;oc-validity=20000");
    peer_send(h.alice, "INVITE 05552");
    peer_expect(h.alice, "503");
    peer_send(h.alice, "ACK");
    peer_expect_nothing(h.berlin, 1000);
    kit_says(h.k, "05552 would go out by trunk berlin, which has more to do than it can and has asked for fewer calls");
    peer_send(h.alice, "INVITE 112"); /* a call for help goes there all the same */
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "486");
    peer_expect(h.berlin, "ACK");
    peer_expect(h.alice, "486");
    peer_send(h.alice, "ACK");
    end(&h);
}

/* Also when it is only asked whether it is there: each request offers it (RFC 7339 §4.1). */
static void rfc7339_who_is_asked_whether_he_is_there_tells_it(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*/1/");
    change(h.k, directory_trunk_set, "berlin", "qualify_s=60");
    berlin_answers(&h, peer_expect_in(h.berlin, "OPTIONS", 0, 2100), 200, ";oc=100;oc-algo=\"loss\";oc-validity=200000;oc-seq=1.1");
    kit_wait_ms(h.k, 100);
    peer_send(h.alice, "INVITE 05552");
    peer_expect(h.alice, "503");
    peer_send(h.alice, "ACK");
    berlin_answers(&h, peer_expect_in(h.berlin, "OPTIONS", 30000, 61000), 200, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=2.0");
    kit_wait_ms(h.k, 100);
    a_call_that_it_takes(&h, ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=3.0");
    end(&h);
}

/* Phones are not asked, and nobody else's Via is touched. */
static void phones_are_offered_nothing(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    peer_send(h.alice, "INVITE bob");
    m = peer_expect(h.bob, "INVITE");
    assert_int_equal(slice_find_slice(m->head, S(";oc")), SIZE_MAX);
    peer_send(h.bob, "486");
    peer_expect(h.bob, "ACK");
    peer_expect(h.alice, "486");
    peer_send(h.alice, "ACK");
    end(&h);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {T(rfc7339_the_other_trunk_takes_it), T(rfc7339_without_another_the_caller_is_told_503),
                                       T(rfc7339_who_is_asked_whether_he_is_there_tells_it),
                                       T(phones_are_offered_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
