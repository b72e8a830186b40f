/* parse_bench.c - what it costs to read a message: our parser in stages (parse/own.h), the parsers of other SIP libraries over
 * the same octets and for the same fields (parse/reader.h), and a plain search for the line ends.
 *
 *   parse_bench [--json] [FOLDER]    FOLDER: of the torture messages, test/torture
 *
 * Nanoseconds for one message: the best of many rounds, since what is above it is other work of the machine; readers take
 * turns. The messages of a line are read in turns, so that no branch is learnt by heart. The last line is those of the
 * folder that all full readers accept. --json: [{"corpus": , "reader": , "ns": }, ...]; a library that is not installed is
 * left out, and named on stderr. */
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parse/corpus.h"
#include "parse/own.h"

enum { ROUNDS = 40, ROUND_NS = 1000000, MODULES = 3, READERS = OWN_N + MODULES };

static const struct {
    const char *file, *package;
} modules[MODULES] = {
    {READERS_FOLDER "/parse_osip2.so", "libosip2-dev"},
    {READERS_FOLDER "/parse_sofia.so", "libsofia-sip-ua-dev"},
    {READERS_FOLDER "/parse_re.so", "libre-dev"},
};

static const struct reader *readers[READERS];
static size_t               n_readers;
static volatile size_t      sink; /* so that nothing is left out */

static void load_readers(void)
{
    for (; n_readers < OWN_N; n_readers++)
        readers[n_readers] = &own_readers[n_readers];
    for (size_t i = 0; i < MODULES; i++) {
        void *module = dlopen(modules[i].file, RTLD_NOW | RTLD_LOCAL);

        if (module && (readers[n_readers] = dlsym(module, "reader")))
            n_readers++;
        else
            fprintf(stderr, "parse_bench: built without %s (./run setup bench)\n", modules[i].package);
    }
}

/* --- the same fields -------------------------------------------------------------------------------------------- */

/* libosip2 cuts a Call-ID at its '@', libre leaves the port at a Via's host: what they are alike in is compared. */
static struct slice alike(enum field i, struct slice text)
{
    if (text.n == FIELD_Z)
        text = slice_z(text.p);
    if (i == FIELD_CALL_ID)
        return slice_to(text, slice_find(text, '@'));
    return i == FIELD_VIA_HOST ? slice_to(text, slice_find(text, ':')) : text;
}

static bool same_fields(const struct fields *a, const struct fields *b)
{
    for (enum field i = 0; i < FIELD_N; i++)
        if (!slice_eq(alike(i, a->text[i]), alike(i, b->text[i])))
            return false;
    return a->status == b->status && a->cseq == b->cseq && a->max_forwards == b->max_forwards &&
           a->body_octets == b->body_octets;
}

static bool finds_the_same(const struct reader *r, struct slice octets)
{
    struct fields ours = {0}, theirs = {0};
    void         *a = own_readers[OWN_FULL].open(octets, &ours), *b = r->open(octets, &theirs);
    bool          same = a && b && same_fields(&ours, &theirs);

    if (a)
        own_readers[OWN_FULL].close(a);
    if (b)
        r->close(b);
    return same;
}

/* Or something else is measured for one than for another. */
static void compare(const struct corpus *c)
{
    for (size_t k = 0; k < n_readers; k++)
        for (size_t i = 0; i < c->n; i++)
            if (readers[k]->full && !finds_the_same(readers[k], c->message[i])) {
                fprintf(stderr, "parse_bench: %s and strowger differ about message %zu of '%s'\n", readers[k]->name, i, c->name);
                exit(1);
            }
}

static bool accepts(const struct reader *r, struct slice octets)
{
    struct fields f = {0};
    void         *opened = r->open(octets, &f);

    if (opened)
        r->close(opened);
    return opened != NULL;
}

/* What one refuses at its first octet would be cheap for it. */
static void keep_what_all_accept(struct corpus *c, const struct corpus *all)
{
    *c = (struct corpus){.name = all->name};
    for (size_t i = 0; i < all->n; i++) {
        bool good = true;

        for (size_t k = 0; k < n_readers && good; k++)
            good = !readers[k]->full || accepts(readers[k], all->message[i]);
        if (good)
            c->message[c->n++] = all->message[i];
    }
}

/* --- measuring -------------------------------------------------------------------------------------------------- */

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void read_all(const struct reader *r, const struct corpus *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct fields f = {0};
        void         *opened = r->open(c->message[i], &f);

        sink += f.body_octets + f.cseq;
        if (opened)
            r->close(opened);
    }
}

/* Nanoseconds for one message, in one round. */
static double one_round(const struct reader *r, const struct corpus *c)
{
    double from = now_ns(), ns;
    size_t done = 0, turns = r->full ? 4 : 16;

    do {
        for (size_t k = 0; k < turns; k++)
            read_all(r, c);
        done += turns * c->n;
    } while ((ns = now_ns() - from) < ROUND_NS);
    return ns / (double)done;
}

static void measure(const struct corpus *c, double *best)
{
    for (int round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < n_readers; k++) {
            double ns = one_round(readers[k], c);

            if (round == 0 || ns < best[k])
                best[k] = ns;
        }
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

static void print_head(void)
{
    printf("%-24s %4s %7s", "ns for one message", "of", "octets");
    for (size_t k = 0; k < n_readers; k++)
        printf(" %9s", readers[k]->name);
    printf("%s\n", n_readers > OWN_N ? "  fastest of them to strowger, to checked" : "");
}

static void print_row(const struct corpus *c, const double *ns)
{
    size_t octets = 0;
    double fastest = 1e18;

    assert(c->n > 0);
    for (size_t i = 0; i < c->n; i++)
        octets += c->message[i].n;
    printf("%-24s %4zu %7zu", c->name, c->n, octets / c->n);
    for (size_t k = 0; k < n_readers; k++) {
        printf(" %9.0f", ns[k]);
        fastest = k >= OWN_N && ns[k] < fastest ? ns[k] : fastest;
    }
    if (n_readers > OWN_N)
        printf("  %.1f, %.1f", fastest / ns[OWN_FULL], fastest / ns[OWN_CHECKED]);
    printf("\n");
}

static void print_json(const struct corpus *c, const double *ns, bool first)
{
    for (size_t k = 0; k < n_readers; k++)
        printf("%s{\"corpus\": \"%s\", \"reader\": \"%s\", \"ns\": %.1f}", first && k == 0 ? "" : ",\n ", c->name,
               readers[k]->name, ns[k]);
}

static void report(const struct corpus *c, bool json, bool first)
{
    double ns[READERS] = {0};

    measure(c, ns);
    if (json)
        print_json(c, ns, first);
    else
        print_row(c, ns);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct corpus folder, torture;
    bool                 json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int                  at = json ? 2 : 1;

    load_readers();
    for (size_t i = 0; i < CORPUS_N; i++)
        compare(&corpora[i]);
    corpus_load(&folder, "torture messages", argc > at ? argv[at] : "test/torture");
    keep_what_all_accept(&torture, &folder);
    if (json)
        printf("[");
    else
        print_head();
    for (size_t i = 0; i < CORPUS_N; i++)
        report(&corpora[i], json, i == 0);
    if (torture.n)
        report(&torture, json, false);
    if (json)
        printf("]\n");
    corpus_close(&folder);
    return 0;
}
