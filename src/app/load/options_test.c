/* options_test.c - the command line of `strowger load`: what is taken, and what is said of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/load/options.h"

enum { MAX_WORDS = 24 };

/* Words divided by spaces. They live until the next call. */
static enum err read_line(struct load_options *o, const char *line, struct load_fault *fault)
{
    static char copy[1024];
    char       *argv[MAX_WORDS + 1] = {"load"}, *rest = copy;
    int         argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) && argc < MAX_WORDS;)
        if (*word)
            argv[argc++] = word;
    fault->text[0] = '\0';
    return load_options_read(o, argc, argv, fault);
}

static void what_is_said_is_taken(void **state)
{
    struct load_options o;
    struct load_fault   fault;

    (void)state;
    assert_int_equal(read_line(&o, "transfers --server 127.0.0.1:5070 --users 1000-1999 --rate 100-4000 --for 20 --hold 1.25 --ring=0.5 "
                                   "--transport tcp --local 127.0.0.2,127.0.0.3:6000 --pid 12,13 --json --password p", &fault), ERR_OK);
    assert_int_equal(o.kind, LOAD_TRANSFERS);
    assert_int_equal(o.to.port, 5070);
    assert_int_equal(o.first_user, 1000);
    assert_int_equal(o.n_users, 1000);
    assert_int_equal(o.rate, 100);
    assert_int_equal(o.ramp_to, 4000);
    assert_int_equal(o.seconds, 20);
    assert_int_equal(o.hold_ms, 1250);
    assert_int_equal(o.ring_ms, 500);
    assert_int_equal(o.transport, TRANSPORT_TCP);
    assert_int_equal(o.n_local, 2);
    assert_int_equal(o.local[1].port, 6000);
    assert_int_equal(o.n_pids, 2);
    assert_int_equal(o.pid[1], 13);
    assert_true(o.json);
    assert_int_equal(read_line(&o, "calls --server 127.0.0.1 --users 1000-1999 --transport tls --tls-trust a.pem --tls-insecure", &fault), ERR_OK);
    assert_int_equal(o.transport, TRANSPORT_TLS);
    assert_int_equal(o.to.port, 5061);
    assert_true(slice_eq(o.tls_trust, S("a.pem")));
    assert_true(o.tls_insecure);
}

static void what_is_not_said(void **state)
{
    struct load_options o;
    struct load_fault   fault;

    (void)state;
    assert_int_equal(read_line(&o, "calls --server 127.0.0.1 --users 10-19", &fault), ERR_OK);
    assert_int_equal(o.to.port, 5060);
    assert_int_equal(o.rate, 100);
    assert_int_equal(o.ramp_to, 0);
    assert_int_equal(o.seconds, 10);
    assert_int_equal(o.hold_ms, 1000);
    assert_int_equal(o.n_local, 1);
    assert_true(addr_is_loopback(&o.local[0]));
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "which kind of load"},
        {"cals --server 127.0.0.1", "did you mean 'calls'"},
        {"--server 127.0.0.1 --users 1-2", "comes first"},
        {"calls --users 10-19", "--server is missing"},
        {"calls --server 127.0.0.1", "--users is missing"},
        {"calls --server 127.0.0.1 --users 10-10", "two phones"},
        {"subscribe --server 127.0.0.1 --users 10-10", "two phones"},
        {"transfers --server 127.0.0.1 --users 10-11", "three phones"},
        {"calls --serve 127.0.0.1", "did you mean '--server'"},
        {"calls --server somewhere", "--server takes ADDRESS[:PORT], not 'somewhere'"},
        {"calls --users 19-10", "--users takes"},
        {"calls --users 0100-0199", "--users takes"},
        {"calls --users 9-10", "--users takes"},
        {"calls --users 1000000-2000000", "--users takes"},
        {"calls --rate 0", "--rate takes"},
        {"calls --rate 10-", "--rate takes"},
        {"calls --hold 1.2345", "--hold takes"},
        {"calls --hold 1.", "--hold takes"},
        {"calls --hold 3601", "--hold takes"},
        {"calls --for 0", "--for takes"},
        {"calls --transport sctp", "--transport takes"},
        {"calls --transport ws", "--transport takes"},
        {"calls --local 0.0.0.0", "--local takes"},
        {"calls --local ,", "--local takes"},
        {"calls --pid x", "--pid takes"},
        {"refresh --server 127.0.0.1 --users 10-19 --local 127.0.0.2,127.0.0.3 --relay", "--relay is for calls and within"},
        {"calls --server 127.0.0.1 --users 10-19 --relay", "--relay takes two addresses"},
        {"calls --server 127.0.0.1 --users 10-18 --local 127.0.0.2,127.0.0.3 --relay", "an even number of users"},
        {"calls --json=yes", "--json takes no value, not 'yes'"},
        {"calls --rate", "--rate takes N[-M]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load_options o;
        struct load_fault   fault;

        if (read_line(&o, cases[i].line, &fault) != ERR_INVALID || !strstr(fault.text, cases[i].says))
            fail_msg("'%s' gives '%s', which does not say '%s'", cases[i].line, fault.text, cases[i].says);
    }
}

static void help_wants_nothing_else(void **state)
{
    struct load_options o;
    struct load_fault   fault;

    (void)state;
    assert_int_equal(read_line(&o, "--help", &fault), ERR_OK);
    assert_true(o.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_taken),
        cmocka_unit_test(what_is_not_said),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(help_wants_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
