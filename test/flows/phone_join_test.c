/* phone_join_test.c - an INVITE with Join at a phone (RFC 3911): who is there decides, and then all three talk. The phone is
 * whole, who calls it are bare legs. */
#include "flows/phones.h"
#include "flows/uas.h"

#define P "sip:p@10.1.0.1"

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

struct scene {
    struct world *w;
    struct node  *a, *b; /* bare legs */
    struct band  *band;
    struct ring  *p;     /* the phone */
    char          join[512];
};

static void put_join(void *arg, struct leg *leg)
{
    const struct dialog_ref ref = dialog_ref_for_peer(leg_dialog(leg));
    struct buf *b = arg;

    buf_put(b, S("Join: "));
    dialog_ref_put(b, HDR_JOIN, &ref);
    buf_put(b, S("\r\nRequire: join\r\n"));
    buf_putc(b, 0);
}

/* a talks with the phone; s->join is how b names that. */
static struct scene begin(bool answered)
{
    struct scene s = {.w = world_open()};
    struct buf b;

    s.a = node_open(s.w, NULL);
    s.b = node_open(s.w, NULL);
    s.band = band_open(s.w->fake);
    s.p = ring_add(s.band, "p", NULL);
    node_call(s.a, P, sdp);
    ring_expect(s.p, "incoming");
    if (answered) {
        ring_do(s.p, "answer");
        ring_expect(s.p, "confirmed");
    }
    world_run_ms(s.w, 100);
    buf_init(&b, s.join, sizeof s.join);
    assert_int_equal(leg_do(s.a->ua, 0, s.a->legs[0], put_join, &b), ERR_OK);
    assert_int_equal(buf_err(&b), ERR_OK);
    buf_reset(&s.a->log);
    return s;
}

static void end(struct scene *s)
{
    struct mem *mem = &s->band->plain;

    for (size_t i = 0; i < s->a->n_legs; i++)
        node_do(s->a, i, DO_HANG_UP, NULL);
    for (size_t i = 0; i < s->b->n_legs; i++)
        node_do(s->b, i, DO_HANG_UP, NULL);
    band_leave(s->band);
    mem_free(mem, s->band, sizeof *s->band);
    world_close(s->w);
}

static void call_with(struct scene *s, const char *rows)
{
    struct leg_id id;

    assert_int_equal(leg_call(s->b->ua, 0, &(struct leg_call){.account = s->b->account, .target = S(P), .offer = slice_z(sdp),
                                                              .rows = slice_z(rows), .on = &t_leg_on, .arg = s->b}, &id), ERR_OK);
    s->b->legs[s->b->n_legs++] = id;
    world_run_ms(s->w, 500);
}

/*   a                    p                    b
 *   |<== talk ==========>|                    |
 *   |                    |<--- INVITE Join ---|
 *   |                    |---- 180 ---------->|   p decides
 *   |                    |---- 200 ---------->|
 *   |<============= all three ===============>|  nobody was put on hold */
static void a_third_joins(void **state)
{
    struct scene s = begin(true);

    (void)state;
    call_with(&s, s.join);
    ring_expect(s.p, "incoming \"joins\":true");
    ring_expect_none(s.p, "answered");
    ring_do(s.p, "answer");
    ring_expect(s.p, "conference \"calls\":[1,2]");
    ring_expect_none(s.p, "on-hold");
    assert_int_equal(phone_calls(s.p->phone), 2);
    node_do(s.b, 0, DO_HANG_UP, NULL);
    ring_expect(s.p, "conference \"calls\":[]");
    end(&s);
}

static void who_is_there_may_refuse(void **state)
{
    struct scene s = begin(true);

    (void)state;
    call_with(&s, s.join);
    ring_expect(s.p, "incoming");
    ring_do(s.p, "reject 603");
    ring_expect(s.p, "ended \"call\":2");
    ring_expect_none(s.p, "conference");
    assert_int_equal(phone_calls(s.p->phone), 1);
    end(&s);
}

/* As with Replaces: nothing there, or only ringing here: 481; both rows, or one twice: 400. */
static void what_cannot_be_joined_is_refused(void **state)
{
    static const char *const bad[] = {"Join: a@b;to-tag=1;from-tag=2\r\nJoin: a@b;to-tag=1;from-tag=2\r\n",
                                      "Join: a@b;to-tag=1;from-tag=2\r\nReplaces: a@b;to-tag=1;from-tag=2\r\n", "Join: a@b\r\n"};
    struct scene s = begin(false);

    (void)state;
    call_with(&s, "Join: nothing@here;to-tag=1;from-tag=2\r\n");
    assert_diary(s.b, "ended refused 481");
    call_with(&s, s.join);
    assert_diary(s.b, "ended refused 481");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        call_with(&s, bad[i]);
        assert_diary(s.b, "ended refused 400");
    }
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_third_joins),
        cmocka_unit_test(who_is_there_may_refuse),
        cmocka_unit_test(what_cannot_be_joined_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
