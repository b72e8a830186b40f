/* published_test.c - what is published, found again in its file: as it was, the newer of two, nothing that has expired or is
 * damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/presence/presence_priv.h"
#include "sys/heap.h"

enum { NOW_MS = 1000000 };

static struct presence *p;
static struct mem       mem;
static char             path[64];

static void open_it(void)
{
    p = mem_zalloc(&mem, sizeof *p);
    assert_non_null(p);
    p->mem = &mem;
    p->config.published = path;
    p->config.now_ms = NOW_MS;
    p->package[p->n_packages++] = (struct presence_package){.name = S("message-summary")};
    for (size_t i = 0; i < STRIPES; i++)
        assert_int_equal(map_init(&p->published[i].map, &mem, 4), ERR_OK);
    assert_int_equal(published_open(p), ERR_OK);
}

static void close_it(void)
{
    published_close(p);
    mem_free(&mem, p, sizeof *p);
}

static int begin(void **state)
{
    int fd;

    (void)state;
    heap_mem(&mem);
    snprintf(path, sizeof path, "/tmp/strowger-published-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    open_it();
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_it();
    return unlink(path);
}

static struct published messages(uint32_t new, const char *etag)
{
    struct published what = {.expires_ms = NOW_MS + 1000, .summary = {true, new, 0}};

    memcpy(what.etag, etag, PUBLISHED_ETAG_OCTETS);
    return what;
}

#define FIRST "0123456789abcdef0123456789abcdef"
#define SECOND "fedcba9876543210fedcba9876543210"

static struct published_key key_of(const char *etag)
{
    return (struct published_key){&p->package[0], S("1001"), slice_to(slice_z(etag), PUBLISHED_ETAG_OCTETS)};
}

/* How many stand for 1001 now; *new: of the first. */
static size_t listed(uint32_t *new)
{
    struct published     out[PUBLISHED_MAX_OF_NUMBER];
    struct published_key key = key_of("");
    size_t               n = published_list(p, &key, NOW_MS, out);

    *new = n ? out[0].summary.new : 0;
    return n;
}

static void as_it_was(void **state)
{
    struct published     first = messages(2, FIRST), second = messages(5, SECOND);
    struct published_key key = key_of(""), named = key_of(FIRST);
    uint32_t             new;

    (void)state;
    assert_int_equal(published_add(p, &key, &first), ERR_OK);
    assert_int_equal(published_change(p, &named, &second, false), ERR_OK);
    close_it();
    open_it();
    assert_int_equal(listed(&new), 1);
    assert_int_equal(new, 5);
    named = key_of(SECOND);
    assert_int_equal(published_remove(p, &named), ERR_OK);
    close_it();
    open_it();
    assert_int_equal(listed(&new), 0);
    assert_int_equal(slot_file_used(&p->publications), 0);
}

/* Killed when the new one was there, and the old one not yet given back. */
static void the_newer_of_two(void **state)
{
    struct published     first = messages(2, FIRST), second = messages(5, SECOND);
    struct published_key key = key_of("");
    uint32_t             new;

    (void)state;
    assert_int_equal(published_add(p, &key, &first), ERR_OK);
    assert_int_not_equal(published_file_put(p, &key, &second, 0), PUBLISHED_NO_SLOT); /* the first has id 0 */
    for (int i = 0; i < 2; i++) {
        close_it();
        open_it();
        assert_int_equal(listed(&new), 1);
        assert_int_equal(new, 5);
        assert_int_equal(slot_file_used(&p->publications), 1);
    }
}

static void nothing_expired_or_damaged(void **state)
{
    struct published     first = messages(2, FIRST), second = messages(5, SECOND);
    struct published_key key = key_of("");
    uint32_t             new;
    unsigned char       *octets;

    (void)state;
    second.expires_ms = NOW_MS;
    assert_int_equal(published_add(p, &key, &first), ERR_OK);
    assert_int_equal(published_add(p, &key, &second), ERR_OK);
    close_it();
    open_it();
    assert_int_equal(listed(&new), 1);
    assert_int_equal(new, 2);
    for (uint32_t i = 0; i < slot_file_ready(&p->publications); i++) {
        octets = slot_file_at(&p->publications, i);
        octets[p->publications.conf.slot_octets - 1] ^= 1;
    }
    close_it();
    open_it();
    assert_int_equal(listed(&new), 0);
    assert_int_equal(slot_file_used(&p->publications), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_it_was, begin, end),
        cmocka_unit_test_setup_teardown(the_newer_of_two, begin, end),
        cmocka_unit_test_setup_teardown(nothing_expired_or_damaged, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
