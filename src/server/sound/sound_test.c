/* sound_test.c - ends of the exchange, asked from a shard, on a fake net in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/digest.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "server/sound/sound_priv.h"

enum { MAX_TOLD = 32, SHARD = 7 };

struct told {
    uint64_t           key;
    struct sound_event e;
    char               sdp[SDP_MAX_WRITTEN];
};

struct house {
    struct heap_counted heap;
    struct random       random;
    struct digester     digester;
    struct fake        *world;
    struct fake_node   *node, *far;
    struct net         *net;
    struct stack       *st;
    struct sound       *s;
    struct media       *phone;    /* the other side */
    struct told         told[MAX_TOLD];
    size_t              n_told;
    /* what is done in the shard next */
    struct sound_ask    ask;
    struct sound_end    end;
    struct slice        text;
    enum err            e;
};

static void on_event(void *ctx, struct shard *sh, uint64_t key, const struct sound_event *e)
{
    struct house *h = ctx;
    struct told  *t = &h->told[h->n_told++];

    assert_true(h->n_told < MAX_TOLD);
    assert_int_equal(shard_index(sh), SHARD);
    t->key = key;
    t->e = *e;
    memcpy(t->sdp, e->sdp.p, e->sdp.n);
    t->e.sdp.p = t->sdp;
}

static const struct sound_on on = {on_event};
static const struct stack_user nobody = {0};

static struct house *house_open(void)
{
    static struct house h;
    struct stack_config sc = {.n_workers = 1, .user = &nobody};
    struct sound_config c = {.n_nets = 1, .port_min = 20000, .port_max = 20007};
    struct mem          plain;

    heap_mem(&plain);
    memset(&h, 0, sizeof h);
    heap_counted_init(&h.heap, NULL, 0);
    random_seed(&h.random, 3);
    digest_open(&h.digester);
    assert_int_equal(fake_open(&(struct fake_config){.mem = &h.heap.below, .seed = 3}, &h.world), ERR_OK);
    assert_int_equal(fake_add_node(h.world, "192.0.2.1", 1, &h.node), ERR_OK);
    assert_int_equal(fake_add_node(h.world, "192.0.2.2", 1, &h.far), ERR_OK);
    h.net = fake_net(h.node, 0);
    sc.mem = c.mem = &h.heap.mem;
    sc.rng = c.rng = &h.random.rng;
    sc.digester = &h.digester;
    c.net = &h.net;
    assert_int_equal(stack_open(&sc, &h.st), ERR_OK);
    assert_int_equal(stack_add_worker(h.st, 0, h.net, NULL), ERR_OK);
    assert_int_equal(sound_room_open(&c, &h.s), ERR_OK);
    sound_room_attach(h.s, h.st);
    h.ask = (struct sound_ask){.shard = SHARD, .key = 42, .on = &on, .ctx = &h};
    assert_int_equal(addr_parse_ip(S("192.0.2.1"), &h.ask.local), ERR_OK);
    return &h;
}

static void run_ms(struct house *h, uint64_t ms)
{
    fake_run_until(h->world, fake_now_us(h->world) + ms * 1000);
}

static void house_close(struct house *h)
{
    media_close(h->phone);
    run_ms(h, 100);
    sound_room_quiet(h->s);
    stack_close(h->st);
    sound_room_close(h->s);
    fake_close(h->world);
    assert_int_equal(h->heap.octets, 0);
}

static void in_shard(struct house *h, void (*fn)(void *arg, struct shard *sh))
{
    assert_int_equal(stack_run(h->st, 0, SHARD, fn, h), ERR_OK);
}

static void do_open(void *arg, struct shard *sh)
{
    struct house *h = arg;

    (void)sh;
    h->e = sound_end_open(h->s, &h->ask, &h->end);
}

static void do_answer(void *arg, struct shard *sh)
{
    struct house *h = arg;

    (void)sh;
    h->e = sound_end_answer(h->s, h->end, h->text);
}

static void do_offer(void *arg, struct shard *sh)
{
    struct house *h = arg;

    (void)sh;
    h->e = sound_end_offer(h->s, h->end);
}

static void do_close(void *arg, struct shard *sh)
{
    struct house *h = arg;

    (void)sh;
    sound_end_close(h->s, h->end);
}

/* The other side has a media of its own, and offers it. */
static void offer_of_the_phone(struct house *h, const char *formats)
{
    static char         text[512];
    struct media_config mc = {.net = fake_net(h->far, 0), .mem = &h->heap.mem, .seed = 5};
    struct addr         rtp, rtcp;

    assert_int_equal(addr_parse_ip(S("192.0.2.2"), &mc.local), ERR_OK);
    assert_int_equal(media_open(&h->phone, &mc), ERR_OK);
    media_local(h->phone, &rtp, &rtcp);
    h->text = (struct slice){text, (size_t)snprintf(text, sizeof text,
                             "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio %u RTP/AVP %s\r\n",
                             rtp.port, formats)};
}

/* The phone sends and hears as the exchange's answer says. */
static void phone_takes(struct house *h, struct slice answer)
{
    struct sdp          sdp;
    struct media_params p = {.formats = {{.codec = MEDIA_PCMA, .send_pt = 8, .recv_pt = 8}}, .n_formats = 1, .send = true, .receive = true};

    assert_int_equal(sdp_parse(answer, &sdp, NULL), ERR_OK);
    p.rtp = sdp.media[0].rtp;
    p.rtcp = sdp.media[0].rtcp;
    assert_int_equal(media_set(h->phone, &p), ERR_OK);
    assert_int_equal(media_listen(h->phone, NULL, 0), ERR_OK);
}

static void ringback_is_heard_by_who_offered(void **state)
{
    struct house *h = house_open();
    uint32_t      first;

    (void)state;
    h->ask.play.what = SOUND_RINGBACK;
    offer_of_the_phone(h, "8 0");
    in_shard(h, do_open);
    in_shard(h, do_answer);
    run_ms(h, 10);
    assert_int_equal(h->n_told, 1);
    assert_int_equal(h->told[0].e.kind, SOUND_SDP);
    assert_int_equal(h->told[0].key, 42);
    phone_takes(h, h->told[0].e.sdp);
    run_ms(h, 3000);
    first = media_heard_ms(h->phone, 425);
    assert_in_range(first, 700, 1100);
    run_ms(h, 10000); /* one second on, four off */
    assert_in_range(media_heard_ms(h->phone, 425), first + 1600, first + 2200);
    in_shard(h, do_close);
    run_ms(h, 10);
    assert_int_equal(sound_ends(h->s), 0);
    house_close(h);
}

static void an_offer_is_made_where_there_is_none(void **state)
{
    struct house *h = house_open();

    (void)state;
    in_shard(h, do_open);
    in_shard(h, do_offer);
    run_ms(h, 10);
    assert_int_equal(h->n_told, 1);
    assert_true(slice_find_slice(h->told[0].e.sdp, S("PCMA/8000")) != SIZE_MAX);
    in_shard(h, do_close);
    house_close(h);
}

static void what_cannot_be_read_fails(void **state)
{
    struct house *h = house_open();

    (void)state;
    h->text = S("nonsense");
    in_shard(h, do_open);
    in_shard(h, do_answer);
    offer_of_the_phone(h, "18");
    in_shard(h, do_answer);
    run_ms(h, 10);
    assert_int_equal(h->n_told, 2);
    assert_int_equal(h->told[0].e.kind, SOUND_FAILED);
    assert_int_equal(h->told[0].e.e, ERR_SYNTAX);
    assert_int_equal(h->told[1].e.kind, SOUND_FAILED);
    assert_int_equal(h->told[1].e.e, ERR_UNSUPPORTED);
    in_shard(h, do_close);
    house_close(h);
}

/* Four pairs of ports: the fifth end has none, and says so when it is asked for its description. */
static void ports_that_are_taken_are_told(void **state)
{
    struct house    *h = house_open();
    struct sound_end ends[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        in_shard(h, do_open);
        assert_int_equal(h->e, ERR_OK);
        ends[i] = h->end;
    }
    in_shard(h, do_offer);
    run_ms(h, 10);
    assert_int_equal(h->n_told, 1);
    assert_int_equal(h->told[0].e.kind, SOUND_FAILED);
    assert_int_equal(h->told[0].e.e, ERR_BUSY);
    for (int i = 0; i < 5; i++) {
        h->end = ends[i];
        in_shard(h, do_close);
        in_shard(h, do_close); /* again: nothing happens */
    }
    run_ms(h, 10);
    assert_int_equal(sound_ends(h->s), 0);
    house_close(h);
}

/* What is asked of a closed end comes to nothing, and the room ends with ends open and letters on their way. */
static void the_room_ends_at_any_time(void **state)
{
    struct house *h = house_open();

    (void)state;
    in_shard(h, do_open);
    in_shard(h, do_close);
    in_shard(h, do_offer);
    run_ms(h, 10);
    assert_int_equal(h->n_told, 0);
    in_shard(h, do_open);
    in_shard(h, do_offer);
    in_shard(h, do_close);
    house_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ringback_is_heard_by_who_offered),
        cmocka_unit_test(an_offer_is_made_where_there_is_none),
        cmocka_unit_test(what_cannot_be_read_fails),
        cmocka_unit_test(ports_that_are_taken_are_told),
        cmocka_unit_test(the_room_ends_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
