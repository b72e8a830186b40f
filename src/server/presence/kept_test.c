/* kept_test.c - a subscription in the file: written, read, found damaged. */
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

static struct kept a_subscription(void)
{
    struct kept k = {.made_ms = 1, .expires_ms = 2, .local_cseq = 3, .remote_cseq = 4, .version = 5, .eventlist = true};

    for (int i = 0; i < N_TEXTS; i++)
        k.text[i] = slice_to(S("abcdefghijklmnopqrstuvwxyz"), (size_t)i);
    return k;
}

static void what_is_written_is_read(void **state)
{
    static struct slot s;
    struct kept        k = a_subscription(), got;

    (void)state;
    assert_int_equal(kept_write(&s, &k), ERR_OK);
    kept_make_valid(&s, 7);
    assert_true(kept_is_sound(&s));
    kept_read(&s, &got);
    for (int i = 0; i < N_TEXTS; i++)
        assert_true(slice_eq(got.text[i], k.text[i]));
    assert_true(got.made_ms == 1 && got.expires_ms == 2 && got.local_cseq == 3 && got.remote_cseq == 4 && got.version == 5);
    assert_true(got.eventlist && !got.secure);
    s.local_cseq = 100; /* changes in place */
    s.version = 100;
    assert_true(kept_is_sound(&s));
}

static void damage_is_found(void **state)
{
    static struct slot s;
    struct kept        k = a_subscription();

    (void)state;
    assert_int_equal(kept_write(&s, &k), ERR_OK);
    kept_make_valid(&s, 7);
    for (size_t i = offsetof(struct slot, flags); i < s.used; i++) {
        ((char *)&s)[i] ^= 1;
        assert_false(kept_is_sound(&s));
        ((char *)&s)[i] ^= 1;
    }
    s.used = UINT32_MAX;
    assert_false(kept_is_sound(&s));
}

static void what_does_not_fit_is_not_kept(void **state)
{
    static struct slot s;
    static char        large[SLOT_OCTETS];
    struct kept        k = a_subscription();

    (void)state;
    memset(large, 'x', sizeof large);
    k.text[TEXT_TARGET] = (struct slice){large, sizeof large};
    assert_int_equal(kept_write(&s, &k), ERR_LIMIT);
}

/* The file again after a restart: what is in it is there; one of another kind is begun anew. */
static void the_file_stays(void **state)
{
    char        path[] = "/tmp/strowger-subscriptions-XXXXXX";
    struct mem  mem;
    struct file f = {0};
    struct kept k = a_subscription(), got;
    struct slot copy;
    uint32_t    slot = NO_SLOT;
    int         fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "something else\n", 15), 15);
    heap_mem(&mem);
    assert_int_equal(mapped_open(&f, &mem, path), ERR_OK);
    assert_int_equal(mapped_count(&f), 0);
    assert_int_equal(mapped_put(&f, &k, &slot), ERR_OK);
    mapped_close(&f);
    memset(&f, 0, sizeof f);
    assert_int_equal(mapped_open(&f, &mem, path), ERR_OK);
    assert_true(mapped_count(&f) >= slot);
    assert_int_equal(mapped_copy(&f, slot, &copy), ERR_OK);
    assert_true(kept_is_sound(&copy));
    kept_read(&copy, &got);
    assert_true(slice_eq(got.text[N_TEXTS - 1], k.text[N_TEXTS - 1]));
    mapped_close(&f);
    close(fd);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(what_does_not_fit_is_not_kept),
        cmocka_unit_test(the_file_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
