/* figures.c - what a run has come to: counts, latencies, CPU time; for people and as JSON.
 *
 * Room      app/load. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/load/load_priv.h"

static const char *const latency_names[LATENCY_N] = {"register", "ringing", "answer", "bye", "refer", "within", "subscribe", "notify"};
static const struct {
    const char *name;
    uint32_t    per_100000;
} percentiles[] = {{"p50", 50000}, {"p90", 90000}, {"p99", 99000}, {"p99.9", 99900}, {"max", 100000}};
#define N_PERCENTILES (sizeof percentiles / sizeof percentiles[0])

void figures_cause(struct load_figures *f, const char *cause)
{
    size_t i = 0;

    while (i < f->n_causes && strcmp(f->cause[i].text, cause) != 0)
        i++;
    if (i == f->n_causes && i == LOAD_MAX_CAUSES)
        i--; /* more ways to fail than anybody reads: the last one stands for all of them */
    else if (i == f->n_causes)
        (void)snprintf(f->cause[f->n_causes++].text, LOAD_CAUSE_OCTETS, "%s", cause);
    f->cause[i].n++;
}

/* ---- CPU time ---- */

static uint64_t clock_us(clockid_t which)
{
    struct timespec t = {0};

    (void)clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* What process `pid` has used so far, its threads included. Its parts are fields 14 and 15 of its stat (proc(5)); the third is the
 * first behind the ')' that ends its name. */
static void add_process(long pid, struct load_meter *m)
{
    char      path[64], text[1024];
    FILE     *f;
    size_t    n;
    char     *at;
    clockid_t clock;

    if (!clock_getcpuclockid((pid_t)pid, &clock))
        m->server_us += clock_us(clock);
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return;
    n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[n] = 0;
    at = strrchr(text, ')');
    for (int field = 3; at && field <= 14; field++)
        at = strchr(at + 1, ' ');
    if (at) {
        m->server_user_ticks += strtoul(at, &at, 10);
        m->server_system_ticks += strtoul(at, &at, 10);
    }
}

/* How long we were ready to run and did not: the second number of schedstat (proc(5)), which a kernel may lack. */
static uint64_t waited_us(void)
{
    char  text[128];
    FILE *f = fopen("/proc/thread-self/schedstat", "re");
    char *at = f ? fgets(text, sizeof text, f) : NULL;

    if (f)
        (void)fclose(f);
    at = at ? strchr(text, ' ') : NULL;
    return at ? strtoul(at, NULL, 10) / 1000 : 0;
}

void figures_measure(struct load *l, struct load_meter *out)
{
    *out = (struct load_meter){.wall_us = clock_us(CLOCK_MONOTONIC), .own_us = clock_us(CLOCK_PROCESS_CPUTIME_ID), .waited_us = waited_us()};
    for (size_t i = 0; i < l->o.n_pids; i++)
        add_process(l->o.pid[i], out);
}

/* ---- judging ---- */

static double share(const struct load *l, uint64_t us)
{
    return (double)us / (double)(l->work_end.wall_us - l->from.wall_us + 1);
}

static double own_share(const struct load *l)
{
    return share(l, l->work_end.own_us - l->from.own_us);
}

static double waited_share(const struct load *l)
{
    return share(l, l->work_end.waited_us - l->from.waited_us);
}

/* The generator was the limit: its core was full, by itself or by others, or it began work later than a person would notice. Then the rate was not
 * what was asked for, and the latencies are its own. */
static bool was_limit(const struct load *l)
{
    return own_share(l) + waited_share(l) > 0.97 || l->latest_us > 100000;
}

static bool is_good(const struct load *l)
{
    return l->phase == PHASE_OVER && !l->figures.failed && !l->figures.n_causes && !was_limit(l);
}

static double per_piece(const struct load *l, double us)
{
    return l->figures.done ? us / (double)l->figures.done : 0;
}

static void server_cpu(const struct load *l, double *user_us, double *system_us)
{
    double all = (double)(l->to.server_us - l->from.server_us);
    double user = (double)(l->to.server_user_ticks - l->from.server_user_ticks);
    double system = (double)(l->to.server_system_ticks - l->from.server_system_ticks);

    *user_us = user + system > 0 ? all * user / (user + system) : 0;
    *system_us = all - *user_us;
}

/* ---- JSON ---- */

static json_t *latencies(const struct load_figures *f)
{
    json_t *all = json_object();

    for (size_t i = 0; i < LATENCY_N; i++) {
        json_t *one = json_object();

        if (!f->latency[i].n) {
            json_decref(one);
            continue;
        }
        (void)json_object_set_new(one, "n", json_integer((json_int_t)f->latency[i].n));
        for (size_t k = 0; k < N_PERCENTILES; k++)
            (void)json_object_set_new(one, percentiles[k].name, json_integer((json_int_t)histogram_at(&f->latency[i], percentiles[k].per_100000)));
        (void)json_object_set_new(all, latency_names[i], one);
    }
    return all;
}

static bool tell_json(const struct load *l)
{
    const struct load_figures *f = &l->figures;
    struct stack_counts        c;
    json_t                    *causes = json_object(), *j;

    stack_counts(l->stack, &c);
    for (size_t i = 0; i < f->n_causes; i++)
        (void)json_object_set_new(causes, f->cause[i].text, json_integer((json_int_t)f->cause[i].n));
    j = json_pack("{s:s, s:i, s:i, s:f, s:f, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:f, s:f, s:I, s:b}", "kind", load_kind_name(l->o.kind),
                  "rate", (int)l->o.rate, "rate_to", (int)(l->o.ramp_to ? l->o.ramp_to : l->o.rate), "prepared_s",
                  (double)(l->from.wall_us - l->start.wall_us) / 1e6, "seconds", (double)(l->work_end.wall_us - l->from.wall_us) / 1e6, "offered", (json_int_t)f->offered, "done",
                  (json_int_t)f->done, "failed", (json_int_t)f->failed, "causes", causes, "retransmitted",
                  (json_int_t)c.retransmitted_out, "retransmissions_seen", (json_int_t)c.retransmitted_in, "connections_lost",
                  (json_int_t)f->connections_lost, "latency_us", latencies(f),
                  "generator_share", own_share(l), "generator_waited", waited_share(l), "latest_us", (json_int_t)l->latest_us, "generator_was_limit", was_limit(l));
    if (!j)
        return false;
    if (l->o.n_pids) {
        double user, system;

        server_cpu(l, &user, &system);
        (void)json_object_set_new(j, "server_user_us", json_integer((json_int_t)user));
        (void)json_object_set_new(j, "server_system_us", json_integer((json_int_t)system));
    }
    (void)json_dumpf(j, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(j);
    return is_good(l);
}

/* ---- for people ---- */

static void tell_latencies(const struct load_figures *f)
{
    printf("\n%-10s", "ms");
    for (size_t k = 0; k < N_PERCENTILES; k++)
        printf("%10s", percentiles[k].name);
    puts("");
    for (size_t i = 0; i < LATENCY_N; i++) {
        if (!f->latency[i].n)
            continue;
        printf("%-10s", latency_names[i]);
        for (size_t k = 0; k < N_PERCENTILES; k++)
            printf("%10.3f", (double)histogram_at(&f->latency[i], percentiles[k].per_100000) / 1000);
        puts("");
    }
}

static void tell_people(const struct load *l)
{
    const struct load_figures *f = &l->figures;
    struct stack_counts        c;
    double                     user, system;

    stack_counts(l->stack, &c);
    printf("%s: %llu offered in %.1f s, %llu done, %llu failed; %llu retransmissions sent, %llu seen\n", load_kind_name(l->o.kind),
           (unsigned long long)f->offered, (double)(l->work_end.wall_us - l->from.wall_us) / 1e6, (unsigned long long)f->done,
           (unsigned long long)f->failed, (unsigned long long)c.retransmitted_out, (unsigned long long)c.retransmitted_in);
    for (size_t i = 0; i < f->n_causes; i++)
        printf("  %8llu  %s\n", (unsigned long long)f->cause[i].n, f->cause[i].text);
    if (f->connections_lost)
        printf("  %8llu  connections ended, and their phones opened others\n", (unsigned long long)f->connections_lost);
    tell_latencies(f);
    server_cpu(l, &user, &system);
    if (l->o.n_pids)
        printf("\nthe server's CPU: %.1f us each (%.1f in user mode, %.1f in the kernel)\n", per_piece(l, user + system), per_piece(l, user),
               per_piece(l, system));
    printf("this program was busy for %.0f %% of the time, and waited for its core for %.0f %%\n", 100 * own_share(l), 100 * waited_share(l));
    if (was_limit(l))
        printf("It was the limit itself (work began up to %.0f ms late): these figures say nothing about the server.\n",
               (double)l->latest_us / 1000);
}

bool figures_tell(struct load *l)
{
    if (l->o.json)
        return tell_json(l);
    tell_people(l);
    return is_good(l);
}

void figures_progress(struct load *l)
{
    static const char *const doing[] = {"registering", "setting up calls", "working", "waiting for the end", "over"};
    struct load_figures     *f = &l->figures;

    fprintf(stderr, "\r\033[K%s: %llu begun, %zu under way; %llu/s offered, %llu/s done, %llu failed", doing[l->phase],
            (unsigned long long)l->begun, l->out, (unsigned long long)(f->offered - l->told_offered),
            (unsigned long long)(f->done - l->told_done), (unsigned long long)f->failed);
    l->told_offered = f->offered;
    l->told_done = f->done;
    if (l->phase == PHASE_OVER)
        fputs("\r\033[K", stderr);
}
