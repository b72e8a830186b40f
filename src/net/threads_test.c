/* threads_test.c - posts from many threads to one loop, and between two loops: all arrive, each poster's in order. */
#include "net/net.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/heap.h"

#define POSTERS 4
#define POSTS 5000
#define ROUNDS 2000

static struct net *loop;
static size_t      last[POSTERS], total; /* the loop's thread only */

struct letter {
    unsigned poster;
    size_t   number;
};

static struct letter letters[POSTERS][POSTS];

static void on_letter(void *arg)
{
    const struct letter *l = arg;

    assert_int_equal(l->number, last[l->poster] + 1);
    last[l->poster] = l->number;
    if (++total == (size_t)POSTERS * POSTS)
        net_real_stop(loop);
}

static void *poster(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    for (size_t i = 0; i < POSTS; i++) {
        letters[me][i] = (struct letter){me, i + 1};
        net_post(loop, on_letter, &letters[me][i]);
    }
    return NULL;
}

static void posts_of_many_threads_all_arrive_in_order(void **state)
{
    struct mem mem;
    pthread_t  t[POSTERS];

    (void)state;
    heap_mem(&mem);
    assert_int_equal(net_real_open(&mem, &loop), ERR_OK);
    for (uintptr_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, poster, (void *)i), 0);
    net_real_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(last[i], POSTS);
    }
    net_real_close(loop);
}

/* Two loops throw a ball to and fro: each sleeps while the other has it, so each throw must wake. */
static struct net *court[2];
static unsigned    rounds;

static void catch_ball(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    if (++rounds == ROUNDS) {
        net_real_stop(court[0]);
        net_real_stop(court[1]);
        return;
    }
    net_post(court[!me], catch_ball, (void *)(uintptr_t)!me);
}

static void *player(void *arg)
{
    net_real_run(arg);
    return NULL;
}

static void a_sleeping_loop_is_woken(void **state)
{
    struct mem mem;
    pthread_t  t;

    (void)state;
    heap_mem(&mem);
    for (int i = 0; i < 2; i++)
        assert_int_equal(net_real_open(&mem, &court[i]), ERR_OK);
    assert_int_equal(pthread_create(&t, NULL, player, court[1]), 0);
    net_post(court[1], catch_ball, (void *)1);
    net_real_run(court[0]);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(rounds, ROUNDS);
    for (int i = 0; i < 2; i++)
        net_real_close(court[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_many_threads_all_arrive_in_order),
        cmocka_unit_test(a_sleeping_loop_is_woken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
