/* conformance_test.c - the call flows of the RFCs, and of the guide (set-up, busy, no answer, blind transfer), played by
 * phones round the exchange: on a good wire, on several workers, with a tenth of all datagrams lost, doubled, held back; where
 * somebody is transferred, also with the exchange only passing it on.
 *
 * Our own files are those of flows/, which are built into the program, and of test/flows/drawn/; STROWGER_CONFORMANCE names a
 * folder with more (its flows/, and ../guide beside it). Every flow of that folder is played, unless it is one of those below
 * that a function of its name in test/flows has (rfc4579_5_2_...), or CONFORMANCE.md has a row for it that says why it is
 * absent. One that can neither be read nor played fails, and says why. With an argument: only the cases that match it ("rfc5589*"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/flow.h"

enum { MAX_FLOWS = 256, SEEDS = 6, NAME_OCTETS = 96, WAYS = 4 };

/* Where strowger's part lawfully differs from what is drawn. */
static const struct flow_exception exceptions[] = {
    {.id = "rfc3261-14-glare", .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3261-14-glare", .own = true, .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3515-4.2", .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3515-4.2", .own = true, .before = FLOW_TALKING, .reason = "drawn from the middle of a call"},
    {.id = "rfc3665-2.4", .before = FLOW_EVERYBODY, .reason = "there must be something to remove"},
    {.id = "rfc3665-2.4", .own = true, .before = FLOW_EVERYBODY, .removes_all = true,
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
    {.id = "rfc3725-7", .before = FLOW_TALKING, .talking = "A>Controller,Controller>B", .reason = "drawn from the middle of two calls"},
    {.id = "rfc3725-7", .own = true, .before = FLOW_TALKING, .talking = "Clerk>Switchboard,Switchboard>Colleague",
     .reason = "drawn from the middle of two calls"},
    {.id = "rfc5589-7.5b", .phone = "Screening Proxy", .outside = true, .reason = "that proxy is another domain's"},
    {.id = "rfc5589-7.5b", .own = true, .phone = "Gatekeeper", .outside = true, .reason = "the gatekeeper is another domain's"},
    {.id = "rfc5359-2.17", .busy = "Bob", .free = 8, .reason = "with whom he talks is not drawn"},
    {.id = "rfc5359-2.17", .own = true, .busy = "Colleague", .free = 8, .reason = "with whom he talks is not drawn"},
    {.id = "rfc4579-5.2", .by_hand = true, .reason = "it begins with what is not drawn: the one in the room asks for it"},
    {.id = "rfc4579-5.4", .by_hand = true, .reason = "the room's number is told by the 302"},
    {.id = "rfc4579-5.8", .by_hand = true, .reason = "who is in the room already is not drawn"},
    {.id = "rfc4579-5.10", .by_hand = true, .reason = "the call that is moved is not drawn"},
    {.id = "rfc4579-5.11", .by_hand = true, .reason = "who is in the room already is not drawn"},
    {.id = "rfc4579-5.12", .by_hand = true, .reason = "who is in the room already is not drawn"},
    {.id = "rfc6665-4.2", .end = "Notifier", .reason = "the exchange refuses"},
    {.id = "rfc6665-4.2", .own = true, .end = "Watched", .reason = "the exchange refuses"},
    {.id = "rfc5393-3", .before = FLOW_ATTACK, .reason = "who is registered where is told in a note"},
    {.id = "rfc5393-3", .own = true, .before = FLOW_ATTACK, .reason = "who is registered where is told in a note"},
};

struct one {
    struct call_flow flow;
    char             name[NAME_OCTETS];
    char             fault[256]; /* why it cannot be played */
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

/* ---- flows that are not played: where they are instead ---- */

static bool has_more_of_a_number(const char *at)
{
    return ascii_is_digit(at[0]) || (at[0] == '_' && ascii_is_digit(at[1]));
}

/* Does the text of a test have a function for it? "rfc4579-5.1" is rfc4579_5_1 or rfc4579_5_1_dialling_in, not rfc4579_5_10. */
static bool names_function(const char *text, const char *id)
{
    char name[64];

    snprintf(name, sizeof name, "void %s", id);
    for (char *c = name + 5; *c; c++)
        *c = *c == '-' || *c == '.' ? '_' : *c;
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if (!has_more_of_a_number(at + strlen(name)))
            return true;
    return false;
}

/* Does CONFORMANCE.md have a row that begins with it? */
static bool has_row(const char *text, const char *id)
{
    char row[80];

    snprintf(row, sizeof row, "\n| %s |", id);
    return strstr(text, row) != NULL;
}

static char *read_text(const char *path)
{
    FILE  *file = fopen(path, "re");
    char  *text = NULL;
    size_t n = 0;

    if (!file)
        return NULL;
    if (getdelim(&text, &n, '\0', file) < 0 && !text)
        text = NULL;
    fclose(file);
    return text;
}

static bool text_has(const char *path, const char *id, bool (*has)(const char *text, const char *id))
{
    char *text = read_text(path);
    bool  found = text && has(text, id);

    free(text);
    return found;
}

static bool has_function(const char *id)
{
    glob_t tests;
    bool   found = false;

    if (glob(STROWGER_SOURCE_DIR "/test/flows/*_test.c", 0, NULL, &tests) != 0)
        return false;
    for (size_t i = 0; i < tests.gl_pathc && !found; i++)
        found = text_has(tests.gl_pathv[i], id, names_function);
    globfree(&tests);
    return found;
}

static bool is_elsewhere(const char *id)
{
    const struct flow_exception *x = exception_of(id, false);

    return x && x->by_hand ? has_function(id) : text_has(STROWGER_SOURCE_DIR "/CONFORMANCE.md", id, has_row);
}

/* ---- those that are ---- */

static bool is_guide(const char *id)
{
    static const char *const wanted[] = {"01-setup", "02-busy", "03-no-answer", "06-blind-transfer",
                                         "setup",    "busy",    "no-answer",    "blind-transfer"};

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!strcmp(id, wanted[i]))
            return true;
    return false;
}

static void add_flow(const char *folder, const char *id, bool own)
{
    struct one *o = &flows[n_flows++];
    char        path[1200];
    const char *fault;

    snprintf(path, sizeof path, "%s/%s.json", folder, id);
    snprintf(o->name, sizeof o->name, "%s%s", id, own ? " (own)" : "");
    fault = flow_read(&o->flow, path, exception_of(id, own));
    if (fault)
        snprintf(o->fault, sizeof o->fault, "%s", fault);
}

/* The flows of a folder that are wanted. Returns how many there were. */
static size_t read_folder(const char *folder, bool own, bool (*wanted)(const char *id))
{
    struct dirent **names = NULL;
    int             n = scandir(folder, &names, NULL, alphasort);
    size_t          before = n_flows;

    for (int i = 0; i < n; i++) {
        char id[64];

        if (is_json(names[i]->d_name, id, sizeof id) && wanted(id)) {
            if (n_flows == MAX_FLOWS) {
                fprintf(stderr, "more than %d flows\n", MAX_FLOWS);
                exit(1);
            }
            add_flow(folder, id, own);
        }
        free(names[i]);
    }
    free(names);
    return n_flows - before;
}

static bool is_ours(const char *id)
{
    return is_guide(id) || !strncmp(id, "rfc", 3);
}

static bool is_played(const char *id)
{
    return !is_elsewhere(id);
}

/* Does somebody transfer, and the exchange pass that on before it is answered? */
static bool can_be_relayed(const struct call_flow *f)
{
    for (size_t i = 0; i + 1 < f->n_steps; i++)
        if (!strcmp(f->step[i].message, "REFER") && f->party[f->step[i].to].exchange)
            return !strcmp(f->step[i + 1].message, "REFER");
    return false;
}

static void play(const struct one *o, const struct flow_wire *wire)
{
    if (o->fault[0])
        fail_msg("%s cannot be played: %s. Teach the player (test/kit/flow.h), write it in test/flows, or give it a row in CONFORMANCE.md",
                 o->flow.id, o->fault);
    flow_play(&o->flow, wire);
}

static void on_a_good_wire(void **state)
{
    play(*state, &(struct flow_wire){.seed = 1});
}

static void on_four_workers(void **state)
{
    play(*state, &(struct flow_wire){.seed = 2, .workers = 4});
}

static void relayed(void **state)
{
    play(*state, &(struct flow_wire){.seed = 3, .relay = true});
}

static void on_a_bad_wire(void **state)
{
    static const struct fake_link bad = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 100000, .duplicate_ppm = 100000,
                                         .reorder_ppm = 100000, .reorder_us = 300000};

    const struct one *o = *state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(o, &(struct flow_wire){.link = &bad, .seed = seed, .workers = seed % 2 ? 1 : 4,
                                    .relay = seed % 3 == 0 && can_be_relayed(&o->flow)});
}


int main(int argc, char **argv)
{
    static const struct {
        const char *on;
        CMUnitTestFunction play;
    } ways[WAYS] = {{"", on_a_good_wire}, {", four workers", on_four_workers}, {", bad wire", on_a_bad_wire}, {", relayed", relayed}};
    static struct CMUnitTest tests[WAYS * MAX_FLOWS];
    static char              names[WAYS * MAX_FLOWS][2 * NAME_OCTETS];
    const char              *outside = getenv("STROWGER_CONFORMANCE");
    char                     folder[1100];
    size_t                   own = 0, others = 0, n = 0;

    own += read_folder(STROWGER_SOURCE_DIR "/flows", true, is_ours);
    own += read_folder(STROWGER_SOURCE_DIR "/test/flows/drawn", true, is_ours);
    if (outside && outside[0]) {
        snprintf(folder, sizeof folder, "%s/flows", outside);
        others += read_folder(folder, false, is_played);
        snprintf(folder, sizeof folder, "%s/../guide", outside);
        others += read_folder(folder, false, is_guide);
    }
    for (size_t i = 0; i < n_flows; i++)
        for (size_t w = 0; w < WAYS && (!w || !flows[i].fault[0]); w++) {
            if (ways[w].play == relayed && !can_be_relayed(&flows[i].flow))
                continue;
            snprintf(names[n], sizeof names[n], "%s%s", flows[i].name, ways[w].on);
            tests[n] = (struct CMUnitTest){names[n], ways[w].play, NULL, NULL, &flows[i]};
            n++;
        }
    printf("cases: %zu own\ncases: %zu outside\n", own, others);
    fflush(stdout);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("conformance", tests, n, NULL, NULL);
}
