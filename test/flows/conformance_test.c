/* conformance_test.c - the flows of RFC 3261, 3665, 5359 (in part), 5393, 6026, of the guide (set-up, busy, no answer, blind
 * transfer), and those of RFC 3311, 3515, 5589, 6665 that phones have with each other through the exchange; played by phones
 * round it: on a good wire, on several workers, and with a tenth of all datagrams lost, doubled, held back.
 *
 * Our own files are those of flows/, which are built into the program, and of test/flows/drawn/; STROWGER_CONFORMANCE names a
 * folder with more (its flows/, and ../guide beside it). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/flow.h"

enum { MAX_FLOWS = 96, SEEDS = 6, NAME_OCTETS = 96 };

/* Where strowger's part lawfully differs from what is drawn. */
static const struct flow_exception exceptions[] = {
    {.id = "rfc3261-14-glare", .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3261-14-glare", .own = true, .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3515-4.2", .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3515-4.2", .own = true, .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3665-2.4", .before = FLOW_EVERYBODY, .rows = "Contact: *\nExpires: 0", .reason = "there must be something to remove"},
    {.id = "rfc3665-2.4", .own = true, .before = FLOW_EVERYBODY, .rows = "Contact: *\nExpires: 0",
     .reason = "there must be something to remove"},
    {.id = "rfc3665-3.3", .leave_out = "9 10 11 12", .reason = "both proxies are one here: it asks once"},
    {.id = "rfc3665-3.3", .own = true, .leave_out = "9 10 11 13", .reason = "both proxies are one here: it asks once"},
    {.id = "rfc3665-3.4", .leave_out = "1 2 3 4 5 6 7", .reason = "the first proxy is another machine, which is down"},
    {.id = "rfc3665-3.4", .own = true, .leave_out = "1", .reason = "the first proxy is another machine, which is down"},
    {.id = "rfc3665-3.6", .phone = "Redirect Server", .reason = "the exchange redirects nobody itself: a phone does"},
    {.id = "rfc3665-3.6", .own = true, .phone = "Redirect Server", .reason = "the exchange redirects nobody itself: a phone does"},
    {.id = "rfc3665-3.10", .step = 14, .code = "408", .reason = "408 is what RFC 3261 §16.8 has; the flow allows either"},
    {.id = "rfc3665-3.10", .own = true, .step = 8, .code = "408", .reason = "408 is what RFC 3261 §16.8 has; the flow allows either"},
    {.id = "rfc5359-2.7", .settings = "bob forward.always gateway", .calls = "bob", .reason = "whom she calls is told in the text"},
    {.id = "rfc5359-2.8", .apart = true, .settings = "b1 forward.busy b2", .reason = "the rule is told in the text"},
    {.id = "rfc5359-2.9", .apart = true, .settings = "b1 forward.noanswer b2\nb1 forward.noanswer_s 8",
     .reason = "the rule is told in the text"},
    {.id = "rfc5359-2.12", .in_turn = true, .reason = "the order is told in the text"},
    {.id = "rfc5359-2.14", .settings = "alice barred *", .reason = "the rule is told in the text"},
    {.id = "rfc5393-3", .before = FLOW_ATTACK, .reason = "who is registered where is told in a note"},
    {.id = "rfc5393-3", .own = true, .before = FLOW_ATTACK, .reason = "who is registered where is told in a note"},
};

struct one {
    struct call_flow             flow;
    const struct flow_exception *exception;
    char                         name[NAME_OCTETS];
};

static struct one flows[MAX_FLOWS];
static size_t     n_flows;

static const struct flow_exception *exception_of(const char *id, bool own)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (exceptions[i].own == own && !strcmp(exceptions[i].id, id))
            return &exceptions[i];
    return NULL;
}

/* The name of a file without its ending, into `id`. */
static bool is_json(const char *file, char *id, size_t n)
{
    size_t length = strlen(file);

    if (length < 6 || strcmp(file + length - 5, ".json") != 0)
        return false;
    snprintf(id, n, "%.*s", (int)length - 5, file);
    return true;
}

static bool is_rfc(const char *id)
{
    static const char *const wanted[] = {"rfc3261", "rfc3311-6", "rfc3515-4.2", "rfc3665", "rfc5393", "rfc5589-6", "rfc5589-7.1",
                                         "rfc6026", "rfc6665-4.1", "rfc6665-4.2n"};
    static const char *const services[] = {"rfc5359-2.7", "rfc5359-2.8", "rfc5359-2.9", "rfc5359-2.12", "rfc5359-2.14"};

    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (!strcmp(id, services[i]))
            return true;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!strncmp(id, wanted[i], strlen(wanted[i])))
            return true;
    return false;
}

static bool is_guide(const char *id)
{
    static const char *const wanted[] = {"01-setup", "02-busy", "03-no-answer", "06-blind-transfer",
                                         "setup",    "busy",    "no-answer",    "blind-transfer"};

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!strcmp(id, wanted[i]))
            return true;
    return false;
}

/* All wanted flows of a folder. Returns how many there were. */
static size_t read_folder(const char *folder, bool own)
{
    struct dirent **names = NULL;
    int             n = scandir(folder, &names, NULL, alphasort);
    size_t          before = n_flows;

    for (int i = 0; i < n; i++) {
        struct one *o = &flows[n_flows];
        char        id[64], path[1200];

        if (n_flows < MAX_FLOWS && is_json(names[i]->d_name, id, sizeof id) && (is_rfc(id) || is_guide(id))) {
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            o->exception = exception_of(id, own);
            if (!flow_read(&o->flow, path, o->exception)) {
                fprintf(stderr, "%s is no flow\n", path);
                exit(1);
            }
            snprintf(o->name, sizeof o->name, "%s%s", id, own ? " (own)" : "");
            n_flows++;
        }
        free(names[i]);
    }
    free(names);
    return n_flows - before;
}

static void on_a_good_wire(void **state)
{
    const struct one *o = *state;

    flow_play(&o->flow, o->exception, &(struct flow_wire){.seed = 1});
}

static void on_four_workers(void **state)
{
    const struct one *o = *state;

    flow_play(&o->flow, o->exception, &(struct flow_wire){.seed = 2, .workers = 4});
}

static void on_a_bad_wire(void **state)
{
    static const struct fake_link bad = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 100000, .duplicate_ppm = 100000,
                                         .reorder_ppm = 100000, .reorder_us = 300000};
    const struct one             *o = *state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        flow_play(&o->flow, o->exception, &(struct flow_wire){.link = &bad, .seed = seed, .workers = seed % 2 ? 1 : 4});
}

int main(void)
{
    static const struct {
        const char *on;
        CMUnitTestFunction play;
    } ways[] = {{"", on_a_good_wire}, {", four workers", on_four_workers}, {", bad wire", on_a_bad_wire}};
    static struct CMUnitTest tests[3 * MAX_FLOWS];
    static char              names[3 * MAX_FLOWS][2 * NAME_OCTETS];
    const char              *outside = getenv("STROWGER_CONFORMANCE");
    char                     folder[1100];
    size_t                   own = 0, others = 0, n = 0;

    own += read_folder(STROWGER_SOURCE_DIR "/flows", true);
    own += read_folder(STROWGER_SOURCE_DIR "/test/flows/drawn", true);
    if (outside && outside[0]) {
        snprintf(folder, sizeof folder, "%s/flows", outside);
        others += read_folder(folder, false);
        snprintf(folder, sizeof folder, "%s/../guide", outside);
        others += read_folder(folder, false);
    }
    for (size_t i = 0; i < n_flows; i++)
        for (size_t w = 0; w < 3; w++, n++) {
            snprintf(names[n], sizeof names[n], "%s%s", flows[i].name, ways[w].on);
            tests[n] = (struct CMUnitTest){names[n], ways[w].play, NULL, NULL, &flows[i]};
        }
    printf("cases: %zu own\ncases: %zu outside\n", own, others);
    fflush(stdout);
    return _cmocka_run_group_tests("conformance", tests, n, NULL, NULL);
}
