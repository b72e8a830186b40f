/* numbers.c - which numbers lead to which app.
 *
 * Room      server/voice; no world in here.
 * Touches   its arguments only. */
#include <string.h>

#include "server/voice/voice_priv.h"

static const struct {
    struct slice name, pattern;
} apps[VOICE_APPS] = {
    [VOICE_MUSIC] = {{"music", 5}, {"*65", 3}},
    [VOICE_CONFERENCE] = {{"conference", 10}, {"8xx", 3}},
    [VOICE_PARK] = {{"park", 4}, {"701-709", 7}},
    [VOICE_PARK_FREE] = {{"park-free", 9}, {"*68", 3}},
    [VOICE_FACTORY] = {{"factory", 7}, {"*88", 3}},
};

struct slice voice_app_name(enum voice_app a)
{
    return apps[a].name;
}

enum err voice_app_find(struct slice name, enum voice_app *out)
{
    for (enum voice_app a = 0; a < VOICE_APPS; a++)
        if (slice_eq(apps[a].name, name)) {
            *out = a;
            return ERR_OK;
        }
    return ERR_NOTFOUND;
}

static void set(struct voice_numbers *n, enum voice_app a, struct slice pattern)
{
    memcpy(n->pattern[a], pattern.p, pattern.n);
    n->pattern[a][pattern.n] = 0;
}

void voice_numbers_default(struct voice_numbers *n)
{
    for (enum voice_app a = 0; a < VOICE_APPS; a++)
        set(n, a, apps[a].pattern);
}

/* "701" and "709": digits alone, as many here as there. */
static bool is_range(struct slice from, struct slice to)
{
    uint64_t a, b;

    return from.n == to.n && !slice_u64(from, UINT64_MAX, &a) && !slice_u64(to, UINT64_MAX, &b) && a <= b;
}

static bool is_pattern(struct slice p)
{
    struct slice rest = p, from;

    if (slice_find(p, '-') != SIZE_MAX)
        return slice_cut(&rest, '-', &from) && is_range(from, rest);
    for (size_t i = 0; i < p.n; i++)
        if (!ascii_is_digit(p.p[i]) && p.p[i] != '*' && p.p[i] != '#' && p.p[i] != 'x')
            return false;
    return true;
}

enum err voice_numbers_set(struct voice_numbers *n, struct slice assignment)
{
    struct slice   pattern = assignment, name;
    enum voice_app a;

    if (!slice_cut(&pattern, '=', &name))
        return ERR_SYNTAX;
    if (voice_app_find(slice_trim(name), &a))
        return ERR_NOTFOUND;
    pattern = slice_trim(pattern);
    if (pattern.n > VOICE_MAX_PATTERN)
        return ERR_LIMIT;
    if (!is_pattern(pattern))
        return ERR_SYNTAX;
    set(n, a, pattern);
    return ERR_OK;
}

static bool fits(struct slice pattern, struct slice number)
{
    struct slice to = pattern, from;

    if (slice_find(pattern, '-') != SIZE_MAX) {
        slice_cut(&to, '-', &from);
        return is_range(from, number) && is_range(number, to);
    }
    if (pattern.n != number.n || !pattern.n)
        return false;
    for (size_t i = 0; i < pattern.n; i++)
        if (pattern.p[i] == 'x' ? !ascii_is_digit(number.p[i]) : pattern.p[i] != number.p[i])
            return false;
    return true;
}

/* Each x is a digit of i, the last one first. */
static enum err put_digits(struct slice pattern, uint32_t i, struct buf *out)
{
    uint64_t all = 1;

    for (size_t k = 0; k < pattern.n; k++)
        all *= pattern.p[k] == 'x' ? 10 : 1;
    if (i >= all || !pattern.n)
        return ERR_NOTFOUND;
    for (size_t k = 0; k < pattern.n; k++) {
        all /= pattern.p[k] == 'x' ? 10 : 1;
        buf_putc(out, pattern.p[k] == 'x' ? (char)('0' + i / all % 10) : pattern.p[k]);
    }
    return buf_err(out);
}

enum err voice_number_nth(struct slice pattern, uint32_t i, struct buf *out)
{
    struct slice to = pattern, from;
    uint64_t     first, last;

    if (slice_find(pattern, '-') == SIZE_MAX)
        return put_digits(pattern, i, out);
    slice_cut(&to, '-', &from);
    if (slice_u64(from, UINT64_MAX, &first) || slice_u64(to, UINT64_MAX, &last) || i > last - first)
        return ERR_NOTFOUND;
    buf_putu_wide(out, first + i, (unsigned)from.n);
    return buf_err(out);
}

struct slice voice_app_of(const struct voice *v, struct slice number)
{
    for (enum voice_app a = 0; a < VOICE_APPS; a++)
        if (fits(slice_z(v->config.numbers.pattern[a]), number))
            return apps[a].name;
    return slice_starts(number, S(VOICE_AD_HOC)) && number.n <= VOICE_MAX_NUMBER ? apps[VOICE_CONFERENCE].name : SLICE_NONE;
}
