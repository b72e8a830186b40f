/* code.c - codes that are dialled: which one it is, and what it means.
 *
 * Room      server/plan (pure).
 * In        the proxy, for each new call to a number that is no user's; the configuration.
 * Touches   its arguments only. */
#include "server/plan/plan.h"

#include <string.h>

enum wants { NO_NUMBER, A_NUMBER, PERHAPS_A_NUMBER };

static const struct {
    const char *name, *text;
    enum wants  wants;
    const char *key, *value; /* of the setting; value NULL: the number */
} codes[PLAN_CODE_N] = {
    [PLAN_CODE_NONE] = {"none", "", NO_NUMBER, NULL, NULL},
    [PLAN_CODE_FORWARD_ALWAYS] = {"forward-always", "*72", A_NUMBER, "forward.always", NULL},
    [PLAN_CODE_FORWARD_ALWAYS_OFF] = {"forward-always-off", "*73", NO_NUMBER, "forward.always", ""},
    [PLAN_CODE_FORWARD_BUSY] = {"forward-busy", "*90", A_NUMBER, "forward.busy", NULL},
    [PLAN_CODE_FORWARD_BUSY_OFF] = {"forward-busy-off", "*91", NO_NUMBER, "forward.busy", ""},
    [PLAN_CODE_FORWARD_NOANSWER] = {"forward-noanswer", "*92", A_NUMBER, "forward.noanswer", NULL},
    [PLAN_CODE_FORWARD_NOANSWER_OFF] = {"forward-noanswer-off", "*93", NO_NUMBER, "forward.noanswer", ""},
    [PLAN_CODE_DND] = {"dnd", "*78", NO_NUMBER, "dnd", "on"},
    [PLAN_CODE_DND_OFF] = {"dnd-off", "*79", NO_NUMBER, "dnd", ""},
    [PLAN_CODE_REJECT_ANONYMOUS] = {"reject-anonymous", "*77", NO_NUMBER, "anonymous.reject", "on"},
    [PLAN_CODE_REJECT_ANONYMOUS_OFF] = {"reject-anonymous-off", "*87", NO_NUMBER, "anonymous.reject", ""},
    [PLAN_CODE_PICKUP] = {"pickup", "*8", PERHAPS_A_NUMBER, NULL, NULL},
    [PLAN_CODE_ANONYMOUS] = {"anonymous", "*67", A_NUMBER, NULL, NULL},
    [PLAN_CODE_INTERCOM] = {"intercom", "*80", A_NUMBER, NULL, NULL},
};

const char *plan_code_name(enum plan_code code)
{
    return code < PLAN_CODE_N ? codes[code].name : "none";
}

static void set(struct plan_codes *c, enum plan_code code, struct slice text)
{
    memcpy(c->text[code], text.p, text.n);
    c->text[code][text.n] = '\0';
}

void plan_codes_default(struct plan_codes *c)
{
    for (enum plan_code i = PLAN_CODE_NONE; i < PLAN_CODE_N; i++)
        set(c, i, slice_z(codes[i].text));
}

static bool is_code(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_is_digit(text.p[i]) && text.p[i] != '*' && text.p[i] != '#')
            return false;
    return true;
}

enum err plan_codes_set(struct plan_codes *c, struct slice assignment)
{
    struct slice   text = assignment, name;
    enum plan_code code = PLAN_CODE_NONE + 1;

    if (!slice_cut(&text, '=', &name))
        return ERR_SYNTAX;
    name = slice_trim(name);
    text = slice_trim(text);
    while (code < PLAN_CODE_N && !slice_eq(name, slice_z(codes[code].name)))
        code++;
    if (code == PLAN_CODE_N)
        return ERR_NOTFOUND;
    if (text.n > PLAN_CODE_OCTETS)
        return ERR_LIMIT;
    if (!is_code(text))
        return ERR_SYNTAX;
    for (enum plan_code i = PLAN_CODE_NONE + 1; text.n && i < PLAN_CODE_N; i++)
        if (i != code && slice_eq(slice_z(c->text[i]), text))
            return ERR_EXISTS;
    set(c, code, text);
    return ERR_OK;
}

enum plan_code plan_code_find(const struct plan_codes *c, struct slice dialled, struct slice *rest)
{
    enum plan_code best = PLAN_CODE_NONE;
    size_t         best_n = 0;

    for (enum plan_code i = PLAN_CODE_NONE + 1; i < PLAN_CODE_N; i++) {
        struct slice text;
        bool         has_number;

        if (dialled.n == 0 || c->text[i][0] != dialled.p[0])
            continue; /* as nearly always */
        text = slice_z(c->text[i]);
        has_number = dialled.n > text.n;
        if (text.n <= best_n || !slice_starts(dialled, text) || (codes[i].wants == NO_NUMBER && has_number) ||
            (codes[i].wants == A_NUMBER && !has_number))
            continue;
        best = i;
        best_n = text.n;
    }
    *rest = slice_from(dialled, best_n);
    if (best != PLAN_CODE_NONE && rest->n > 1 && rest->p[rest->n - 1] == '#')
        rest->n--;
    return best;
}

bool plan_code_setting(enum plan_code code, struct slice number, struct slice *key, struct slice *value)
{
    if (code >= PLAN_CODE_N || !codes[code].key)
        return false;
    *key = slice_z(codes[code].key);
    *value = codes[code].value ? slice_z(codes[code].value) : number;
    return true;
}
