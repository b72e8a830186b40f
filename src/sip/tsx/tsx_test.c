/* tsx_test.c - every state and event of the four machines, as tables. A pair that no row names must change nothing and ask
 * for nothing: that is checked for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip/tsx/tsx_priv.h"

static const struct tsx_times times = {TSX_T1_MS, TSX_T2_MS, TSX_T4_MS};

/* One row: in `state`, on `event`, comes `to`, and `doing` is asked for. */
struct row {
    enum tsx_state      state;
    bool                reliable;
    struct tsx_event    ev;
    enum tsx_state      to;
    const char         *doing;
    uint32_t            interval_ms; /* before */
    enum tsx_cancel     cancel;      /* before */
};
#define UDP false
#define TCP true
#define BEGIN {.kind = TSX_BEGIN}
#define REQUEST {.kind = TSX_REQUEST}
#define ACK {.kind = TSX_ACK}
#define CANCEL {.kind = TSX_CANCEL}
#define BROKEN {.kind = TSX_TRANSPORT_ERROR}
#define CODE(c) {.kind = TSX_RESPONSE, .code = (c)}
#define TIMER(t) {.kind = TSX_TIMER, .timer = TSX_TIMER_##t}

static const char *timer_text(enum tsx_timer t)
{
    static const char *const text[TSX_TIMERS] = {"A", "E", "G", "trying", "B", "D", "F", "H",
                                                 "I", "J", "K", "L", "M", "cancel", "expire"};
    return text[t];
}

static void put_action(struct buf *b, const struct tsx_action *a)
{
    static const char *const text[] = {
        [TSX_DO_SEND] = "send", [TSX_DO_SEND_ACK] = "ack", [TSX_DO_SEND_TRYING] = "send 100",
        [TSX_DO_SEND_CANCEL] = "send cancel", [TSX_DO_RESEND] = "resend", [TSX_DO_RELEASE] = "release",
        [TSX_DO_SET_TIMER] = "set ", [TSX_DO_STOP_TIMERS] = "stop", [TSX_DO_TELL] = "tell",
        [TSX_DO_TELL_ACKED] = "tell acked", [TSX_DO_TELL_TIMEOUT] = "tell timeout",
        [TSX_DO_TELL_ERROR] = "tell error", [TSX_DO_END] = "end",
    };
    if (b->n)
        buf_put(b, S(", "));
    buf_put(b, slice_z(text[a->what]));
    if (a->what == TSX_DO_SET_TIMER) {
        buf_put(b, slice_z(timer_text(a->timer)));
        buf_putc(b, ' ');
        buf_putu(b, a->ms);
    }
}

static void play(enum tsx_kind kind, const struct row *r, size_t index)
{
    struct tsx     t;
    struct tsx_out out;
    char           text[256];
    struct buf     b = BUF_ON(text);

    tsx_init(&t, kind, r->reliable);
    tsx_enter(&t, r->state);
    t.interval_ms = r->interval_ms;
    t.cancel = (uint8_t)r->cancel;
    tsx_handle(&t, &times, &r->ev, &out);
    for (size_t i = 0; i < out.n; i++)
        put_action(&b, &out.action[i]);
    if (!slice_eq(buf_slice(&b), slice_z(r->doing)) || t.state != r->to)
        fail_msg("row %zu: got %.*s -> state %d, wanted %s -> state %d", index, SARG(buf_slice(&b)), t.state, r->doing,
                 r->to);
}

static void play_all(enum tsx_kind kind, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        play(kind, &rows[i], i);
}
#define PLAY(kind, rows) play_all((kind), (rows), sizeof(rows) / sizeof *(rows))

/* ---- fig. 5: INVITE client ---- */

static const struct row invite_client_rows[] = {
    {TSX_IDLE, UDP, BEGIN, TSX_CALLING, "set A 500, set B 32000, send", 0, 0},
    {TSX_IDLE, TCP, BEGIN, TSX_CALLING, "set B 32000, send", 0, 0},

    {TSX_CALLING, UDP, TIMER(A), TSX_CALLING, "resend, set A 1000", 500, 0},
    {TSX_CALLING, UDP, TIMER(A), TSX_CALLING, "resend, set A 16000", 8000, 0},
    {TSX_CALLING, UDP, TIMER(B), TSX_TERMINATED, "stop, tell timeout, end", 0, 0},
    {TSX_CALLING, UDP, BROKEN, TSX_TERMINATED, "stop, tell error, end", 0, 0},
    {TSX_CALLING, UDP, CANCEL, TSX_CALLING, "", 0, 0},
    {TSX_CALLING, UDP, CODE(100), TSX_PROCEEDING, "stop, tell", 0, 0},
    {TSX_CALLING, UDP, CODE(180), TSX_PROCEEDING, "stop, set cancel 32000, send cancel, tell", 0, TSX_CANCEL_WANTED},
    {TSX_CALLING, UDP, CODE(200), TSX_ACCEPTED, "stop, set M 32000, release, tell", 0, 0},
    {TSX_CALLING, TCP, CODE(200), TSX_ACCEPTED, "stop, set M 32000, release, tell", 0, 0},
    {TSX_CALLING, UDP, CODE(200), TSX_ACCEPTED, "stop, set M 32000, release, tell", 0, TSX_CANCEL_WANTED},
    {TSX_CALLING, UDP, CODE(300), TSX_COMPLETED, "stop, ack, set D 32000, tell", 0, 0},
    {TSX_CALLING, UDP, CODE(699), TSX_COMPLETED, "stop, ack, set D 32000, tell", 0, TSX_CANCEL_WANTED},
    {TSX_CALLING, TCP, CODE(486), TSX_TERMINATED, "stop, ack, tell, end", 0, 0},

    {TSX_PROCEEDING, UDP, CODE(183), TSX_PROCEEDING, "tell", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(183), TSX_PROCEEDING, "tell", 0, TSX_CANCEL_SENT},
    {TSX_PROCEEDING, UDP, CODE(299), TSX_ACCEPTED, "stop, set M 32000, release, tell", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(487), TSX_COMPLETED, "stop, ack, set D 32000, tell", 0, TSX_CANCEL_SENT},
    {TSX_PROCEEDING, TCP, CODE(487), TSX_TERMINATED, "stop, ack, tell, end", 0, TSX_CANCEL_SENT},
    {TSX_PROCEEDING, UDP, CANCEL, TSX_PROCEEDING, "set cancel 32000, send cancel", 0, 0},
    {TSX_PROCEEDING, UDP, CANCEL, TSX_PROCEEDING, "", 0, TSX_CANCEL_SENT},
    {TSX_PROCEEDING, UDP, TIMER(CANCEL), TSX_TERMINATED, "stop, tell timeout, end", 0, TSX_CANCEL_SENT},

    {TSX_ACCEPTED, UDP, CODE(200), TSX_ACCEPTED, "tell", 0, 0},
    {TSX_ACCEPTED, UDP, TIMER(M), TSX_TERMINATED, "stop, end", 0, 0},

    {TSX_COMPLETED, UDP, CODE(300), TSX_COMPLETED, "resend", 0, 0},
    {TSX_COMPLETED, UDP, CODE(699), TSX_COMPLETED, "resend", 0, 0},
    {TSX_COMPLETED, UDP, TIMER(D), TSX_TERMINATED, "stop, end", 0, 0},
    {TSX_COMPLETED, UDP, BROKEN, TSX_TERMINATED, "stop, end", 0, 0},
};

static void fig5_invite_client(void **state)
{
    (void)state;
    PLAY(TSX_INVITE_CLIENT, invite_client_rows);
}

/* ---- fig. 6: non-INVITE client ---- */

static const struct row non_invite_client_rows[] = {
    {TSX_IDLE, UDP, BEGIN, TSX_TRYING, "set E 500, set F 32000, send", 0, 0},
    {TSX_IDLE, TCP, BEGIN, TSX_TRYING, "set F 32000, send", 0, 0},

    {TSX_TRYING, UDP, TIMER(E), TSX_TRYING, "resend, set E 1000", 500, 0},
    {TSX_TRYING, UDP, TIMER(E), TSX_TRYING, "resend, set E 4000", 2000, 0},
    {TSX_TRYING, UDP, TIMER(E), TSX_TRYING, "resend, set E 4000", 4000, 0},
    {TSX_TRYING, UDP, TIMER(F), TSX_TERMINATED, "stop, tell timeout, end", 0, 0},
    {TSX_TRYING, UDP, BROKEN, TSX_TERMINATED, "stop, tell error, end", 0, 0},
    {TSX_TRYING, UDP, CODE(100), TSX_PROCEEDING, "tell", 0, 0},
    {TSX_TRYING, UDP, CODE(200), TSX_COMPLETED, "stop, set K 5000, release, tell", 0, 0},
    {TSX_TRYING, UDP, CODE(699), TSX_COMPLETED, "stop, set K 5000, release, tell", 0, 0},
    {TSX_TRYING, TCP, CODE(404), TSX_TERMINATED, "stop, tell, end", 0, 0},

    {TSX_PROCEEDING, UDP, TIMER(E), TSX_PROCEEDING, "resend, set E 4000", 500, 0},
    {TSX_PROCEEDING, UDP, TIMER(F), TSX_TERMINATED, "stop, tell timeout, end", 0, 0},
    {TSX_PROCEEDING, UDP, BROKEN, TSX_TERMINATED, "stop, tell error, end", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(199), TSX_PROCEEDING, "tell", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(200), TSX_COMPLETED, "stop, set K 5000, release, tell", 0, 0},
    {TSX_PROCEEDING, TCP, CODE(500), TSX_TERMINATED, "stop, tell, end", 0, 0},

    {TSX_COMPLETED, UDP, TIMER(K), TSX_TERMINATED, "stop, end", 0, 0},
};

static void fig6_non_invite_client(void **state)
{
    (void)state;
    PLAY(TSX_NON_INVITE_CLIENT, non_invite_client_rows);
}

/* ---- fig. 7 with RFC 6026: INVITE server ---- */

static const struct row invite_server_rows[] = {
    {TSX_IDLE, UDP, BEGIN, TSX_PROCEEDING, "set trying 200, tell", 0, 0},

    {TSX_PROCEEDING, UDP, REQUEST, TSX_PROCEEDING, "resend", 0, 0},
    {TSX_PROCEEDING, UDP, TIMER(TRYING), TSX_PROCEEDING, "send 100", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(100), TSX_PROCEEDING, "stop, send", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(199), TSX_PROCEEDING, "stop, send", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(200), TSX_ACCEPTED, "stop, set L 32000, release, send", 0, 0},
    {TSX_PROCEEDING, TCP, CODE(200), TSX_ACCEPTED, "stop, set L 32000, release, send", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(300), TSX_COMPLETED, "stop, set G 500, set H 32000, send", 0, 0},
    {TSX_PROCEEDING, TCP, CODE(486), TSX_COMPLETED, "stop, set H 32000, send", 0, 0},
    {TSX_PROCEEDING, UDP, BROKEN, TSX_PROCEEDING, "tell error", 0, 0},

    {TSX_ACCEPTED, UDP, ACK, TSX_ACCEPTED, "tell", 0, 0},
    {TSX_ACCEPTED, UDP, CODE(200), TSX_ACCEPTED, "send", 0, 0},
    {TSX_ACCEPTED, UDP, TIMER(L), TSX_TERMINATED, "stop, end", 0, 0},
    {TSX_ACCEPTED, UDP, BROKEN, TSX_ACCEPTED, "tell error", 0, 0},

    {TSX_COMPLETED, UDP, REQUEST, TSX_COMPLETED, "resend", 0, 0},
    {TSX_COMPLETED, UDP, TIMER(G), TSX_COMPLETED, "resend, set G 1000", 500, 0},
    {TSX_COMPLETED, UDP, TIMER(G), TSX_COMPLETED, "resend, set G 4000", 4000, 0},
    {TSX_COMPLETED, UDP, TIMER(H), TSX_TERMINATED, "stop, tell timeout, end", 0, 0},
    {TSX_COMPLETED, UDP, ACK, TSX_CONFIRMED, "stop, set I 5000, release, tell acked", 0, 0},
    {TSX_COMPLETED, TCP, ACK, TSX_TERMINATED, "stop, tell acked, end", 0, 0},
    {TSX_COMPLETED, UDP, BROKEN, TSX_COMPLETED, "tell error", 0, 0},

    {TSX_CONFIRMED, UDP, TIMER(I), TSX_TERMINATED, "stop, end", 0, 0},
};

static void fig7_rfc6026_invite_server(void **state)
{
    (void)state;
    PLAY(TSX_INVITE_SERVER, invite_server_rows);
}

/* ---- fig. 8 with RFC 4320: non-INVITE server ---- */

static const struct row non_invite_server_rows[] = {
    {TSX_IDLE, UDP, BEGIN, TSX_TRYING, "set trying 3500, set expire 32000, tell", 0, 0},

    {TSX_TRYING, UDP, CODE(100), TSX_TRYING, "", 0, 0},
    {TSX_TRYING, TCP, CODE(100), TSX_PROCEEDING, "send", 0, 0},
    {TSX_TRYING, TCP, CODE(180), TSX_TRYING, "", 0, 0},
    {TSX_TRYING, UDP, CODE(200), TSX_COMPLETED, "stop, set J 32000, send", 0, 0},
    {TSX_TRYING, UDP, CODE(699), TSX_COMPLETED, "stop, set J 32000, send", 0, 0},
    {TSX_TRYING, TCP, CODE(200), TSX_TERMINATED, "stop, send, end", 0, 0},
    {TSX_TRYING, UDP, CODE(408), TSX_COMPLETED, "stop, set J 32000, release", 0, 0},
    {TSX_TRYING, TCP, CODE(408), TSX_TERMINATED, "stop, end", 0, 0},
    {TSX_TRYING, UDP, TIMER(TRYING), TSX_PROCEEDING, "send 100", 0, 0},
    {TSX_TRYING, UDP, TIMER(EXPIRE), TSX_TERMINATED, "stop, end", 0, 0},

    {TSX_PROCEEDING, UDP, REQUEST, TSX_PROCEEDING, "resend", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(100), TSX_PROCEEDING, "send", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(183), TSX_PROCEEDING, "", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(202), TSX_COMPLETED, "stop, set J 32000, send", 0, 0},
    {TSX_PROCEEDING, TCP, CODE(202), TSX_TERMINATED, "stop, send, end", 0, 0},
    {TSX_PROCEEDING, UDP, CODE(408), TSX_COMPLETED, "stop, set J 32000, release", 0, 0},
    {TSX_PROCEEDING, UDP, TIMER(EXPIRE), TSX_TERMINATED, "stop, end", 0, 0},
    {TSX_PROCEEDING, UDP, BROKEN, TSX_PROCEEDING, "tell error", 0, 0},

    {TSX_COMPLETED, UDP, REQUEST, TSX_COMPLETED, "resend", 0, 0},
    {TSX_COMPLETED, UDP, TIMER(J), TSX_TERMINATED, "stop, end", 0, 0},
    {TSX_COMPLETED, UDP, BROKEN, TSX_COMPLETED, "tell error", 0, 0},
};

static void fig8_rfc4320_non_invite_server(void **state)
{
    (void)state;
    PLAY(TSX_NON_INVITE_SERVER, non_invite_server_rows);
}

/* ---- all that no row names ---- */

static unsigned class_of(const struct tsx_event *ev)
{
    return ev->kind == TSX_RESPONSE ? ev->code < 200 ? 1 : ev->code < 300 ? 2 : 3 : 0;
}

static bool row_names(const struct row *r, enum tsx_state state, const struct tsx_event *ev)
{
    bool same = r->ev.kind == ev->kind && class_of(&r->ev) == class_of(ev) &&
                (ev->kind != TSX_TIMER || r->ev.timer == ev->timer);

    return r->state == state && same;
}

static void expect_nothing(enum tsx_kind kind, enum tsx_state state, bool reliable, const struct tsx_event *ev)
{
    struct tsx     t;
    struct tsx_out out;

    tsx_init(&t, kind, reliable);
    tsx_enter(&t, state);
    tsx_handle(&t, &times, ev, &out);
    if (t.state != state || out.n)
        fail_msg("kind %d state %d event %d code %u timer %d: to %d, %zu actions", kind, state, ev->kind, ev->code,
                 ev->timer, t.state, out.n);
}

struct table {
    enum tsx_kind     kind;
    const struct row *rows;
    size_t            n;
};

static size_t check_rest(const struct table *table, enum tsx_state state, const struct tsx_event *ev)
{
    for (size_t i = 0; i < table->n; i++)
        if (row_names(&table->rows[i], state, ev))
            return 0;
    expect_nothing(table->kind, state, UDP, ev);
    expect_nothing(table->kind, state, TCP, ev);
    return 1;
}

static size_t check_all_events(const struct table *table, enum tsx_state state)
{
    static const unsigned codes[] = {100, 200, 300};
    size_t                checked = 0;

    for (enum tsx_event_kind k = TSX_BEGIN; k < TSX_EVENTS; k++) {
        struct tsx_event ev = {.kind = k};

        if (k == TSX_TIMER)
            for (enum tsx_timer t = TSX_TIMER_A; t < TSX_TIMERS; t++)
                checked += check_rest(table, state, &(struct tsx_event){.kind = k, .timer = t});
        else if (k == TSX_RESPONSE)
            for (size_t i = 0; i < 3; i++)
                checked += check_rest(table, state, &(struct tsx_event){.kind = k, .code = codes[i]});
        else
            checked += check_rest(table, state, &ev);
    }
    return checked;
}

#define TABLE(kind, rows) {(kind), (rows), sizeof(rows) / sizeof *(rows)}

static void all_other_events_change_nothing(void **state)
{
    static const struct table tables[] = {
        TABLE(TSX_INVITE_CLIENT, invite_client_rows),
        TABLE(TSX_NON_INVITE_CLIENT, non_invite_client_rows),
        TABLE(TSX_INVITE_SERVER, invite_server_rows),
        TABLE(TSX_NON_INVITE_SERVER, non_invite_server_rows),
    };
    size_t checked = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (enum tsx_state s = TSX_IDLE; s < TSX_STATES; s++)
            checked += check_all_events(&tables[i], s);
    assert_true(checked > 600);
}

/* ---- times ---- */

static void fig5_timer_a_schedule(void **state)
{
    struct tsx     t;
    struct tsx_out out;
    uint32_t       at = 0;
    const uint32_t want[] = {500, 1500, 3500, 7500, 15500, 31500};

    (void)state;
    tsx_init(&t, TSX_INVITE_CLIENT, UDP);
    tsx_handle(&t, &times, &(struct tsx_event)BEGIN, &out);
    at = out.action[0].ms;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(at, want[i]);
        tsx_handle(&t, &times, &(struct tsx_event)TIMER(A), &out);
        at += out.action[1].ms;
    }
}

static void timer_d_is_32_s_at_least_and_follows_t1(void **state)
{
    struct tsx              t;
    struct tsx_out          out;
    const struct tsx_times  quick = {100, 400, 500};
    const struct tsx_times  slow = {1000, 8000, 10000};

    (void)state;
    tsx_init(&t, TSX_INVITE_CLIENT, UDP);
    tsx_enter(&t, TSX_CALLING);
    tsx_handle(&t, &quick, &(struct tsx_event)CODE(404), &out);
    assert_int_equal(out.action[2].timer, TSX_TIMER_D);
    assert_int_equal(out.action[2].ms, 32000);
    tsx_enter(&t, TSX_CALLING);
    tsx_handle(&t, &slow, &(struct tsx_event)CODE(404), &out);
    assert_int_equal(out.action[2].ms, 64000);
}

static void rfc4320_late_100_by_the_times(void **state)
{
    (void)state;
    assert_int_equal(tsx_late_trying_ms(&times), 3500);
    assert_int_equal(tsx_late_trying_ms(&(struct tsx_times){1000, 4000, 5000}), 3000);
    assert_int_equal(tsx_late_trying_ms(&(struct tsx_times){500, 500, 5000}), 0);
}

static void each_class_of_timer_runs_once(void **state)
{
    (void)state;
    assert_int_equal(tsx_timer_class(TSX_TIMER_A), TSX_TIMER_AGAIN);
    assert_int_equal(tsx_timer_class(TSX_TIMER_E), TSX_TIMER_AGAIN);
    assert_int_equal(tsx_timer_class(TSX_TIMER_G), TSX_TIMER_AGAIN);
    assert_int_equal(tsx_timer_class(TSX_TIMER_TRYING), TSX_TIMER_AGAIN);
    for (enum tsx_timer t = TSX_TIMER_B; t < TSX_TIMERS; t++)
        assert_int_equal(tsx_timer_class(t), TSX_TIMER_LIFE);
}

static void states_have_names(void **state)
{
    (void)state;
    for (enum tsx_state a = TSX_IDLE; a <= TSX_STATES; a++)
        for (enum tsx_state b = a + 1; b <= TSX_STATES; b++)
            assert_false(slice_eq(tsx_state_name(a), tsx_state_name(b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fig5_invite_client),
        cmocka_unit_test(fig6_non_invite_client),
        cmocka_unit_test(fig7_rfc6026_invite_server),
        cmocka_unit_test(fig8_rfc4320_non_invite_server),
        cmocka_unit_test(all_other_events_change_nothing),
        cmocka_unit_test(fig5_timer_a_schedule),
        cmocka_unit_test(timer_d_is_32_s_at_least_and_follows_t1),
        cmocka_unit_test(rfc4320_late_100_by_the_times),
        cmocka_unit_test(each_class_of_timer_runs_once),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
