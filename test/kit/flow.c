/* flow.c - a call flow read from its file, and brought to steps between phones and one exchange. See flow.h. */
#include "kit/flow.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_OCTETS = 256 };

/* The sentence that flow_read() answers with, where it is about a step. */
static const char *why(const struct flow_step *s, const char *what)
{
    static char text[WHY_OCTETS];

    snprintf(text, sizeof text, "step %u, %s, %s", s->n, s->message, what);
    return text;
}

static bool has_word(const char *name, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(name, words[i]))
            return true;
    return false;
}

/* One that has sound of its own is a phone to the exchange. */
static bool is_server(const char *name)
{
    static const char *const words[] = {"Proxy", "proxy", "Server", "server", "ALG", "Registrar", "registrar"};
    static const char *const phones[] = {"Music", "Media", "Announcement"};

    return strcmp(name, "P") == 0 ||
           (has_word(name, words, sizeof words / sizeof words[0]) && !has_word(name, phones, sizeof phones / sizeof phones[0]));
}

/* A service of the exchange's own. */
static bool is_end(const char *name)
{
    static const char *const words[] = {"oice mail", "tate agent", "resence agent", "Focus", "factory", "Park"};

    return has_word(name, words, sizeof words / sizeof words[0]);
}

static bool has_note(const json_t *root, const char *words)
{
    const json_t *j;
    size_t        i;

    json_array_foreach(json_object_get(root, "steps"), i, j)
    {
        const char *note = json_string_value(json_object_get(j, "note"));

        if (note && strstr(note, words))
            return true;
    }
    return false;
}

/* "B1" and "B2" are phones of one user; "Phone 1" and "Phone 2" where a call is forked to them. The exchange's conference has
 * its number from voice_numbers_default(). */
static void name_number(const struct call_flow *f, struct flow_party *p, bool apart, bool forked)
{
    size_t n = strlen(p->name);
    bool   shared = false;

    if (p->end) {
        snprintf(p->number, sizeof p->number, "%s", strstr(p->name, "Focus") ? "801" : strstr(p->name, "Park") ? "701" : "");
        return;
    }
    apart = apart || (n > 1 && p->name[n - 2] == ' ' && !forked);

    for (size_t i = 0; i < f->n_parties && !apart && n && ascii_is_digit(p->name[n - 1]); i++)
        shared = shared || (&f->party[i] != p && strlen(f->party[i].name) == n && n > 1 && !strncmp(f->party[i].name, p->name, n - 1));
    snprintf(p->number, sizeof p->number, "%.*s", (int)(shared ? n - 1 : n), p->name);
    for (char *c = p->number; *c; c++)
        *c = *c == ' ' ? '-' : ascii_lower(*c);
}

static const char *read_parties(struct call_flow *f, const json_t *root, const struct flow_exception *x)
{
    const json_t *list = json_object_get(root, "parties");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char        *name = json_string_value(json_array_get(list, i));
        struct flow_party *p = &f->party[f->n_parties];
        bool               as_phone = name && x && x->phone && !strcmp(x->phone, name);

        if (!name || f->n_parties + 1 == FLOW_MAX_PARTIES) /* one is kept for an exchange that is not drawn */
            return "its parties are no names, or more than the player has room for";
        snprintf(p->name, sizeof p->name, "%s", name);
        p->edge = !strncmp(name, "Edge", 4);
        p->end = !as_phone && (is_end(name) || (x && x->end && !strcmp(x->end, name)));
        p->exchange = p->end || (is_server(name) && !as_phone && !p->edge);
        p->outside = as_phone && x->outside;
        f->n_parties++;
    }
    for (size_t i = 0; i < f->n_parties; i++)
        name_number(f, &f->party[i], x && x->apart, has_note(root, "forked"));
    return f->n_parties ? NULL : "it names no parties";
}

unsigned flow_party_of(const struct call_flow *f, const char *name, size_t n)
{
    for (unsigned i = 0; i < f->n_parties; i++)
        if (strlen(f->party[i].name) == n && !memcmp(f->party[i].name, name, n))
            return i;
    return FLOW_MAX_PARTIES;
}

static bool find_party(const struct call_flow *f, const json_t *step, const char *key, unsigned *out)
{
    const char *name = json_string_value(json_object_get(step, key));

    *out = name ? flow_party_of(f, name, strlen(name)) : FLOW_MAX_PARTIES;
    return *out < FLOW_MAX_PARTIES;
}

static void copy_text(char *to, size_t n, const json_t *step, const char *key)
{
    const char *s = json_string_value(json_object_get(step, key));

    snprintf(to, n, "%s", s ? s : "");
}

/* Which request an answer belongs to, where a note says so. */
static void of_by_note(struct flow_step *s)
{
    const char *to = strstr(s->note, "to the ");
    size_t      n = 0;

    if (!s->of[0] && strcmp(s->message, "487") == 0)
        snprintf(s->of, sizeof s->of, "INVITE"); /* it comes behind the answer to the CANCEL */
    if (s->of[0] || !to || s->message[0] > '9')
        return;
    to += strlen("to the ");
    while (to[n] >= 'A' && to[n] <= 'Z' && n + 1 < sizeof s->of)
        n++;
    snprintf(s->of, sizeof s->of, "%.*s", (int)n, to);
}

/* A status, or a method that is a plain request to the player. */
static bool is_played(const char *message)
{
    static const char *const methods[] = {"INVITE", "ACK",       "BYE",    "CANCEL", "REGISTER", "OPTIONS", "INFO",
                                          "PRACK",  "SUBSCRIBE", "NOTIFY", "REFER",  "MESSAGE",  "UPDATE",  "PUBLISH"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (!strcmp(message, methods[i]))
            return true;
    return message[0] >= '1' && message[0] <= '6' && strlen(message) == 3;
}

/* The i-th of the file (from 0). */
static const char *read_step(const struct call_flow *f, const json_t *j, size_t i, struct flow_step *s)
{
    const char *number = json_string_value(json_object_get(j, "f")), *call = json_string_value(json_object_get(j, "call"));

    *s = (struct flow_step){.n = (unsigned)json_integer_value(json_object_get(j, "n"))};
    if (number)
        s->n = (unsigned)strtoul(number + 1, NULL, 10);
    if (!s->n)
        s->n = (unsigned)i + 1; /* the guide does not draw it */
    copy_text(s->message, sizeof s->message, j, json_object_get(j, "message") ? "message" : "method_or_status");
    copy_text(s->of, sizeof s->of, j, "of");
    copy_text(s->note, sizeof s->note, j, "note");
    of_by_note(s);
    s->call = call ? (unsigned)strtoul(call, NULL, 10) - 1 : 0;
    s->copy = strstr(s->note, "copy of") || strstr(s->note, "resent");
    s->reinvite = json_is_true(json_object_get(j, "reinvite")) || strstr(s->note, "re-INVITE");
    s->own = json_is_true(json_object_get(j, "local"));
    if (!s->message[0] || !find_party(f, j, "from", &s->from) || !find_party(f, j, "to", &s->to))
        return why(s, "has no message, or is between others than the parties");
    if (!is_played(s->message))
        return why(s, "is what no phone of the player's says");
    return s->call < FLOW_MAX_CALLS ? NULL : why(s, "is of one call too many");
}

/* ---- of which call is a step that does not say so? ---- */

struct drawn {
    struct flow_step step[FLOW_MAX_STEPS];
    const char      *package[FLOW_MAX_CALLS]; /* of a subscription that the exchange answers; NULL: none */
    unsigned         watched[FLOW_MAX_CALLS]; /* who is drawn there                                      */
    unsigned         winner[FLOW_MAX_CALLS];  /* of a forked call: who has answered it, FLOW_MAX_PARTIES: nobody yet */
    bool             forked[FLOW_MAX_CALLS];
    bool             over[FLOW_MAX_CALLS]; /* its BYE was drawn */
    size_t           n;
    unsigned         calls;                /* so far */
};

/* The last request of that method ("": any but ACK) from one to the other; with `either` also the other way. NULL: none. */
static const struct flow_step *last_of(const struct drawn *d, const char *method, unsigned from, unsigned to, bool either)
{
    for (size_t i = d->n; i-- > 0;) {
        const struct flow_step *s = &d->step[i];
        bool there = s->from == from && s->to == to, back = s->from == to && s->to == from;

        if (s->message[0] > '9' && (there || (either && back)) &&
            (method[0] ? !strcmp(s->message, method) && !d->over[s->call] : strcmp(s->message, "ACK") != 0))
            return s;
    }
    return NULL;
}

/* "dialog 2", "in dialog 1", but not the one that a Replaces or a Target-Dialog names. False: the note tells of none. */
static bool call_by_note(const struct flow_step *s, unsigned *out)
{
    const char *at = strstr(s->note, "dialog ");
    size_t      before = at ? (size_t)(at - s->note) : 0;

    if (!at || at[7] < '1' || at[7] > '9' || (before && (before < 3 || (memcmp(at - 3, "in ", 3) != 0 && memcmp(at - 2, "; ", 2) != 0))))
        return false;
    *out = (unsigned)(at[7] - '1');
    return true;
}

static bool names_a_call(const struct flow_step *s, const char *how)
{
    char none[24];

    snprintf(none, sizeof none, "no %s", how);
    return strstr(s->note, how) && !strstr(s->note, none);
}

static unsigned call_of(const struct drawn *d, const struct flow_step *s)
{
    const struct flow_step *k = NULL;
    unsigned                call = d->calls;

    if (call_by_note(s, &call))
        return call;
    if (!strcmp(s->message, "INVITE") && (names_a_call(s, "Replaces") || names_a_call(s, "Join")))
        return d->calls;
    if (s->message[0] <= '9')
        k = last_of(d, s->of, s->to, s->from, false);
    else if (!strcmp(s->message, "ACK") || !strcmp(s->message, "CANCEL"))
        k = last_of(d, "INVITE", s->from, s->to, false);
    else if (!strcmp(s->message, "NOTIFY") && !(k = last_of(d, "REFER", s->to, s->from, false)))
        k = last_of(d, "SUBSCRIBE", s->to, s->from, false);
    else if (!strcmp(s->message, "SUBSCRIBE"))
        k = last_of(d, "SUBSCRIBE", s->from, s->to, false);
    else if (strcmp(s->message, "NOTIFY") != 0 && !s->outside && !(k = last_of(d, "INVITE", s->from, s->to, true)))
        k = last_of(d, s->message, s->from, s->to, true);
    return k ? k->call : d->calls;
}

/* What an answer answers. */
static void of_last(const struct drawn *d, struct flow_step *s)
{
    for (size_t i = d->n; i-- > 0 && !s->of[0] && s->message[0] <= '9';) {
        const struct flow_step *k = &d->step[i];

        if (k->call == s->call && k->from == s->to && k->to == s->from && k->message[0] > '9' && strcmp(k->message, "ACK") != 0)
            snprintf(s->of, sizeof s->of, "%s", k->message);
    }
}

/* What is subscribed to, if the exchange knows it; with one of its services, the same as the one before where no note says.
 * NULL: not so. */
static const char *package_of(const struct call_flow *f, const struct drawn *d, const struct flow_step *s)
{
    static const char *const packages[] = {"dialog", "message-summary", "presence", "reg", "conference"};
    const char              *event = strstr(s->note, "Event: ");

    for (size_t i = 0; i < sizeof packages / sizeof packages[0] && event; i++)
        if (!strncmp(event + strlen("Event: "), packages[i], strlen(packages[i])))
            return packages[i];
    for (unsigned c = 0; c < FLOW_MAX_CALLS && !event && f->party[s->to].end; c++)
        if (d->package[c] && d->watched[c] == s->to)
            return d->package[c];
    return NULL;
}

/* A subscription to what the exchange knows is answered by the exchange. */
static void serve(const struct call_flow *f, struct drawn *d, struct flow_step *s)
{
    const char *package = strcmp(s->message, "SUBSCRIBE") ? NULL : package_of(f, d, s);

    if (package) {
        d->package[s->call] = package;
        d->watched[s->call] = s->to;
    }
    if (!d->package[s->call] || (s->from != d->watched[s->call] && s->to != d->watched[s->call]))
        return;
    s->served = true;
    snprintf(s->package, sizeof s->package, "%s", d->package[s->call]);
}

/* "forked": the same call, at another phone of the same number. */
static void place_branch(const struct call_flow *f, struct drawn *d, struct flow_step *s)
{
    const struct flow_step *last = d->n ? &d->step[d->n - 1] : NULL;

    if (!strcmp(s->message, "INVITE") && strstr(s->note, "forked") && last && !strcmp(last->message, "INVITE") &&
        last->from == s->from && !strcmp(f->party[last->to].number, f->party[s->to].number)) {
        s->call = last->call;
        s->branch = true;
        d->forked[s->call] = true;
        d->winner[s->call] = FLOW_MAX_PARTIES;
    }
    if (!d->forked[s->call])
        return;
    if (!strcmp(s->message, "200") && strcmp(s->of, "CANCEL") != 0 && d->winner[s->call] == FLOW_MAX_PARTIES)
        d->winner[s->call] = s->from;
    s->branch = s->branch || (d->winner[s->call] != FLOW_MAX_PARTIES && s->from != d->winner[s->call] && s->to != d->winner[s->call]);
}

/* Is it of a call that began before the flow? */
static bool is_within(const struct flow_step *s)
{
    static const char *const methods[] = {"BYE", "UPDATE", "INFO"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (!strcmp(s->message, methods[i]))
            return true;
    return s->reinvite;
}

/* What a step is in the middle of. False: too many. */
static bool place(struct call_flow *f, struct drawn *d, struct flow_step *s)
{
    s->outside = !strcmp(s->message, "REFER") && strstr(s->note, "Target-Dialog");
    s->call = call_of(d, s);
    if (s->call >= FLOW_MAX_CALLS || d->n == FLOW_MAX_STEPS)
        return false;
    of_last(d, s);
    place_branch(f, d, s);
    if (s->call >= d->calls) {
        d->calls = s->call + 1;
        s->outside = !strcmp(s->message, "REFER") && d->n > 0;
        if (is_within(s))
            f->talk[f->n_talks++] = *s;
    }
    serve(f, d, s);
    d->over[s->call] = d->over[s->call] || !strcmp(s->message, "BYE") || (!strcmp(s->of, "SUBSCRIBE") && s->message[0] > '2');
    d->step[d->n++] = *s;
    return true;
}

static bool is_left_out(const struct flow_exception *x, unsigned n)
{
    const char *at = x ? x->leave_out : NULL;

    while (at && *at) {
        char *end;

        if (strtoul(at, &end, 10) == n)
            return true;
        at = *end ? end + 1 : NULL;
    }
    return false;
}

static unsigned the_exchange(const struct call_flow *f)
{
    for (unsigned i = 0; i < f->n_parties; i++)
        if (f->party[i].exchange)
            return i;
    return FLOW_MAX_PARTIES; /* drawn straight between phones: it is in the middle all the same */
}

static size_t first_of(const struct drawn *d, unsigned call)
{
    size_t i = 0;

    while (i < d->n && d->step[i].call != call)
        i++;
    return i;
}

/* What goes on of a copy is one too. */
static bool add_step(struct call_flow *f, const struct flow_step *s)
{
    const struct flow_step *last = f->n_steps ? &f->step[f->n_steps - 1] : NULL;

    if (f->n_steps == FLOW_MAX_STEPS)
        return false;
    f->step[f->n_steps] = *s;
    if (last && last->copy && f->party[s->from].exchange && !f->party[last->from].exchange && !strcmp(last->message, s->message))
        f->step[f->n_steps].copy = true;
    f->n_steps++;
    return true;
}

/* What is between a phone and the exchange alone, though it is drawn between phones: a subscription that it answers, by who
 * has asked; the branch of a fork that nobody answers, by whose number has several phones. */
static bool add_own(struct call_flow *f, const struct drawn *d, struct flow_step *s)
{
    unsigned here = the_exchange(f), away = s->served ? d->watched[s->call] : d->step[first_of(d, s->call)].from;

    s->with = away;
    s->from = s->from == away ? here : s->from;
    s->to = s->to == away ? here : s->to;
    return add_step(f, s);
}

/* One step as the legs have it. */
static bool add_legs(struct call_flow *f, struct flow_step *s)
{
    bool     from = f->party[s->from].exchange, to = f->party[s->to].exchange;
    unsigned here = the_exchange(f), source = s->from, target = s->to;

    if (from && to)
        return true;
    s->with = from || f->party[source].edge ? source : target;
    if (from || to || f->party[s->from].edge || f->party[s->to].edge) {
        s->from = from ? here : s->from;
        s->to = to ? here : s->to;
        return add_step(f, s);
    }
    s->to = here;
    if (!add_step(f, s))
        return false;
    s->from = here;
    s->to = target;
    s->with = source;
    return add_step(f, s);
}

/* The calls that there are before the first step. */
static void place_before(struct call_flow *f, struct drawn *d)
{
    const char *at = f->exception && f->exception->before == FLOW_TALKING ? f->exception->talking : NULL;

    while (at && *at) {
        size_t n = strcspn(at, ">"), m = strcspn(at + n + 1, ",");

        d->step[d->n++] = (struct flow_step){.message = "INVITE", .from = flow_party_of(f, at, n), .to = flow_party_of(f, at + n + 1, m),
                                             .call = d->calls++};
        at += n + 1 + m + (at[n + 1 + m] == ',');
    }
}

/* Is the exchange drawn in the middle? One that no step touches is only passed by. */
static bool has_middle(const struct call_flow *f, const json_t *root)
{
    static const char *const ends[] = {"from", "to"};
    const json_t            *j;
    size_t                   i;

    json_array_foreach(json_object_get(root, "steps"), i, j)
        for (size_t e = 0; e < 2; e++) {
            unsigned party;

            if (find_party(f, j, ends[e], &party) && f->party[party].exchange && !f->party[party].end)
                return true;
        }
    return false;
}

/* A step of a file in which nobody is the exchange in the middle is placed, where it does not say of which call it is. */
static const char *take_step(struct call_flow *f, struct drawn *d, const json_t *j, size_t i)
{
    struct flow_step s;
    const char      *fault = read_step(f, j, i, &s);

    if (!strncmp(s.message, "HTTP", 4))
        return NULL; /* a page: nothing that the exchange would see */
    if (fault)
        return fault;
    if (d && !json_object_get(j, "call") && !place(f, d, &s))
        return why(&s, "is of one call too many, or there are too many steps");
    return is_left_out(f->exception, s.n) || (s.served || s.branch ? add_own(f, d, &s) : add_legs(f, &s)) ? NULL : why(&s, "is one more than the player has room for");
}

const char *flow_read(struct call_flow *f, const char *path, const struct flow_exception *x)
{
    static struct drawn d; /* large */
    json_t       *root = json_load_file(path, 0, NULL);
    const json_t *list = json_object_get(root, "steps"), *j;
    size_t        i;
    bool          straight = false;
    const char   *fault;

    d = (struct drawn){.n = 0};
    *f = (struct call_flow){.exception = x};
    copy_text(f->id, sizeof f->id, root, "id");
    fault = !root ? "it is no JSON" : !json_array_size(list) ? "it has no steps" : read_parties(f, root, x);
    straight = !fault && !has_middle(f, root);
    if (straight && the_exchange(f) == FLOW_MAX_PARTIES)
        f->party[f->n_parties++] = (struct flow_party){.name = "P", .number = "p", .exchange = true};
    if (straight)
        place_before(f, &d);
    json_array_foreach(list, i, j)
        if (!fault)
            fault = take_step(f, straight ? &d : NULL, j, i);
    json_decref(root);
    return fault;
}
