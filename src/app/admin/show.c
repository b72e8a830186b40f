/* show.c - answers as lines for people.
 *
 * Room      app/admin.
 * Touches   standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/admin/admin_priv.h"

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(o, key));
}

/* "2026-01-31 09:30:05"; "-" for never. */
static const char *when(int64_t ms, char *room, size_t n)
{
    time_t    t = (time_t)(ms / 1000);
    struct tm tm;

    if (ms <= 0 || !localtime_r(&t, &tm) || !strftime(room, n, "%Y-%m-%d %H:%M:%S", &tm))
        snprintf(room, n, "-");
    return room;
}

static void show_users(const json_t *answer)
{
    size_t  i;
    json_t *u;

    printf("%-12s %-24s %-10s %s\n", "number", "name", "password", "settings");
    json_array_foreach(json_object_get(answer, "users"), i, u)
    {
        const char *key;
        json_t     *value;

        printf("%-12s %-24s %-10s", text(u, "number"), text(u, "name"), json_is_true(json_object_get(u, "has-password")) ? "yes" : "no");
        json_object_foreach(json_object_get(u, "settings"), key, value) printf(" %s=%s", key, json_string_value(value));
        putchar('\n');
    }
}

static void show_groups(const json_t *answer)
{
    size_t  i, k;
    json_t *g, *m;

    printf("%-12s %-24s %-6s %-6s %s\n", "number", "name", "how", "ring", "members");
    json_array_foreach(json_object_get(answer, "groups"), i, g)
    {
        printf("%-12s %-24s %-6s ", text(g, "number"), text(g, "name"), text(g, "how"));
        if (json_object_get(g, "ring-s"))
            printf("%4" PRId64 " s ", number(g, "ring-s"));
        else
            printf("%-6s ", "-");
        json_array_foreach(json_object_get(g, "members"), k, m)
            printf("%s%s", k ? "," : "", json_string_value(m));
        putchar('\n');
    }
}

static void show_trunk_settings(const json_t *t, const char *before)
{
    const char *key;
    json_t     *value;

    json_object_foreach(json_object_get(t, "settings"), key, value) printf("%s%s=%s", before, key, json_string_value(value));
    if (json_is_true(json_object_get(t, "has-password")))
        printf("%spassword (not shown)", before);
}

static void show_trunks(const json_t *answer)
{
    size_t  i;
    json_t *t;

    printf("%-12s %-32s %-24s %s\n", "name", "server", "state", "rules out");
    json_array_foreach(json_object_get(answer, "trunks"), i, t)
        printf("%-12s %-32s %-24s %s\n", text(t, "name"), text(t, "server"), text(t, "state")[0] ? text(t, "state") : "-",
               text(json_object_get(t, "settings"), "dial"));
}

static void show_trunk(const json_t *t)
{
    printf("trunk %s", text(t, "name"));
    if (text(t, "state")[0])
        printf(": %s", text(t, "state"));
    show_trunk_settings(t, "\n  ");
    putchar('\n');
}

static void show_bindings(const json_t *answer)
{
    size_t  i;
    json_t *b;

    printf("%-12s %-40s %-24s %8s  %s\n", "number", "contact", "from", "expires", "phone");
    json_array_foreach(json_object_get(answer, "bindings"), i, b)
        printf("%-12s %-40s %-24s %6" PRId64 " s  %s\n", text(b, "number"), text(b, "contact"), text(b, "received"),
               number(b, "expires-s"), text(b, "agent"));
}

/* One line while it lasts, and one of what became of new requests; nothing where there was never too much. */
static void show_overload(const json_t *o)
{
    char room[32];

    if (number(o, "workers"))
        printf("\nToo much to do since %s: %" PRId64 " new calls a second are let in, the others refused.\n",
               when(number(o, "since-ms"), room, sizeof room), number(o, "calls-per-s"));
    if (number(o, "refused") || number(o, "silent"))
        printf("%sIn such times since it was started: %" PRId64 " requests let in, %" PRId64 " refused, %" PRId64 " not answered.\n",
               number(o, "workers") ? "" : "\n", number(o, "let-in"), number(o, "refused"), number(o, "silent"));
}

static void show_calls(const json_t *answer)
{
    size_t  i;
    json_t *c;
    char    room[32];

    printf("%-10s %-12s %-12s %-8s %s\n", "id", "caller", "callee", "state", "since");
    json_array_foreach(json_object_get(answer, "calls"), i, c)
        printf("%-10s %-12s %-12s %-8s %s\n", text(c, "id"), text(c, "caller"), text(c, "callee"), text(c, "state"),
               when(number(c, "answered-ms") ? number(c, "answered-ms") : number(c, "started-ms"), room, sizeof room));
    show_overload(json_object_get(answer, "overload"));
}

static void show_subscriptions(const json_t *answer)
{
    size_t  i;
    json_t *s;

    printf("%-16s %-12s %-12s %8s %6s  %s\n", "package", "number", "told to", "expires", "bodies", "where");
    json_array_foreach(json_object_get(answer, "subscriptions"), i, s)
        printf("%-16s %-12s %-12s %6" PRId64 " s %6" PRId64 "  %s\n", text(s, "package"), text(s, "number"), text(s, "subscriber"),
               number(s, "expires-s"), number(s, "told"), text(s, "contact"));
}

/* "1.2% 15ms 4.1": what one side has heard; "-" for what nobody has told. */
static const char *heard(const json_t *cdr, const char *side, char *room, size_t n)
{
    const json_t *q = json_object_get(cdr, side), *mos = json_object_get(q, "mos");
    int           k;

    if (!json_object_get(q, "loss-percent"))
        return "-";
    k = snprintf(room, n, "%.1f%% %" PRId64 "ms", json_number_value(json_object_get(q, "loss-percent")), number(q, "jitter-ms"));
    if (mos && k > 0 && (size_t)k < n)
        snprintf(room + k, n - (size_t)k, " %.1f", json_number_value(mos));
    return room;
}

static void show_cdrs(const json_t *answer)
{
    size_t  i;
    json_t *c;
    char    room[32], caller[48], callee[48];

    printf("%-19s  %-12s %-12s %8s %5s  %-16s %-16s %s\n", "started", "caller", "callee", "talked", "code", "caller heard",
           "callee heard", "ended");
    json_array_foreach(json_object_get(answer, "cdrs"), i, c)
    {
        int64_t talked = number(c, "answered-ms") ? (number(c, "ended-ms") - number(c, "answered-ms")) / 1000 : 0;

        printf("%-19s  %-12s %-12s %6" PRId64 " s %5" PRId64 "  %-16s %-16s by %s: %s\n",
               when(number(c, "started-ms"), room, sizeof room), text(c, "caller"), text(c, "callee"), talked, number(c, "code"),
               heard(c, "caller-hears", caller, sizeof caller), heard(c, "callee-hears", callee, sizeof callee),
               text(c, "ended-by"), text(c, "why"));
    }
}

static void show_explained(const json_t *answer)
{
    size_t  i;
    json_t *t;

    json_array_foreach(json_object_get(answer, "forwards"), i, t)
        printf("%s.\n", json_string_value(t));
    printf("%s.\n", text(answer, "reason"));
    if (number(answer, "code"))
        printf("The caller would get %" PRId64 " %s.\n", number(answer, "code"), text(answer, "phrase"));
    json_array_foreach(json_object_get(answer, "targets"), i, t)
        printf("  %s %s, registered from %s\n", number(t, "group") ? "then" : "rings", text(t, "contact"), text(t, "received"));
    json_array_foreach(json_object_get(answer, "trunks"), i, t)
        printf("  %s trunk %s, which is called with %s\n", i ? "then" : "asks", text(t, "name"), text(t, "number"));
    if (text(answer, "drawing")[0])
        printf("\nSuch a call would be drawn now as\n\n%s", text(answer, "drawing"));
}

static void show_import(const json_t *answer)
{
    size_t  i;
    json_t *p;

    printf("%" PRId64 " added, %" PRId64 " changed\n", number(answer, "added"), number(answer, "changed"));
    json_array_foreach(json_object_get(answer, "passwords"), i, p)
        printf("%s got the password %s\n", text(p, "number"), text(p, "password"));
}

void show(const char *act, const json_t *answer)
{
    if (strcmp(act, "user.list") == 0)
        show_users(answer);
    else if (strcmp(act, "bindings") == 0)
        show_bindings(answer);
    else if (strcmp(act, "calls") == 0)
        show_calls(answer);
    else if (strcmp(act, "subscriptions") == 0)
        show_subscriptions(answer);
    else if (strcmp(act, "cdr") == 0)
        show_cdrs(answer);
    else if (strcmp(act, "group.list") == 0)
        show_groups(answer);
    else if (strcmp(act, "trunk.list") == 0)
        show_trunks(answer);
    else if (strcmp(act, "trunk.show") == 0)
        show_trunk(json_object_get(answer, "trunk"));
    else if (strcmp(act, "explain") == 0)
        show_explained(answer);
    else if (strcmp(act, "user.import") == 0)
        show_import(answer);
    else if (strcmp(act, "user.export") == 0)
        fputs(text(answer, "csv"), stdout);
    else if (strcmp(act, "user.add") == 0) {
        printf("user %s is added\n", text(answer, "number"));
        if (text(answer, "password")[0])
            printf("its password, shown this once: %s\n", text(answer, "password"));
    } else
        puts("done");
}
