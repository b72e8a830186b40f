/* params.c - parameters of header fields: *( SEMI generic-param ), RFC 3261 §25.1.
 *
 * Room      sip/msg (pure).
 * In        the parameters of one element, from the first ';'.
 * Out       names and values as written. */
#include "sip/msg/msg_priv.h"

/* The value behind the '='; NULL: a quoted string that does not end. */
static const char *behind_value(const char *p, const char *end, struct slice *value)
{
    struct slice rest = slice_between(p, end);

    if (p < end && *p == '"')
        return msg_take_quoted(&rest, value) ? NULL : rest.p;
    rest.p = scan_behind(p, end, msg_class_of, MSG_C_VALUE);
    *value = slice_between(p, rest.p);
    return rest.p;
}

/* With white space anywhere, with a quoted string; or it is none. */
COLD static const char *read_any(const char *p, const char *end, struct msg_param *out)
{
    const char  *name, *sign;
    struct slice value;
    size_t       name_n;
    bool         has_value;

    if (*p != ';')
        return NULL;
    name = msg_behind_blank(p + 1, end);
    p = scan_behind(name, end, msg_class_of, MSG_C_TOKEN);
    if (!(name_n = (size_t)(p - name)))
        return NULL;
    value = (struct slice){p, 0};
    sign = msg_behind_blank(p, end);
    has_value = sign < end && *sign == '=';
    if (has_value && !(p = behind_value(msg_behind_blank(sign + 1, end), end, &value)))
        return NULL;
    *out = (struct msg_param){{name, name_n}, value, has_value};
    return p;
}

static inline bool ends(const char *p, const char *end)
{
    return p == end || *p == ';' || *p == ',';
}

/* Pointers, not slices: the parameters of every Via, From, To and Contact pass here. */
const char *msg_param_read(const char *p, const char *end, struct msg_param *out)
{
    const char *name = p + 1, *sign = scan_behind(name, end, msg_class_of, MSG_C_TOKEN), *behind = sign;
    bool        has_value = sign < end && *sign == '=';

    if (has_value)
        behind = scan_far_behind(sign + 1, end, msg_class_of, MSG_C_VALUE);
    if (*p != ';' || sign == name || !ends(behind, end) || behind == sign + 1)
        return read_any(p, end, out);
    *out = (struct msg_param){{name, (size_t)(sign - name)}, {sign + has_value, (size_t)(behind - sign) - has_value}, has_value};
    return behind;
}

enum err msg_param_next(struct slice *rest, struct msg_param *out)
{
    const char      *p = msg_behind_blank(rest->p, slice_end(*rest)), *end = slice_end(*rest);
    struct msg_param one;

    if (p == end)
        return ERR_NOTFOUND;
    if (!(p = msg_param_read(p, end, &one)))
        return ERR_SYNTAX;
    *rest = slice_between(p, end);
    *out = one;
    return ERR_OK;
}

enum err msg_param(struct slice params, struct slice name, struct slice *value)
{
    struct msg_param p;

    while (msg_param_next(&params, &p) == ERR_OK) {
        if (!slice_ieq(p.name, name))
            continue;
        if (value)
            *value = p.value;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

bool msg_has_param(struct slice params, struct slice name)
{
    return msg_param(params, name, NULL) == ERR_OK;
}

/* ";tag=value", as nearly everybody writes it. */
static inline bool is_tag_alone(const char *p, const char *end, struct slice *tag)
{
    enum { FRONT = 5 };

    if (end - p < 8 || scan_word(p) << 24 != scan_word(";tag=...") << 24)
        return false;
    p += FRONT;
    *tag = (struct slice){p, (size_t)(end - p)};
    return scan_far_behind(p, end, msg_class_of, MSG_C_VALUE) == end;
}

enum err msg_params_tag(struct slice params, struct slice *tag)
{
    const char      *end = slice_end(params), *p = msg_behind_blank(params.p, end);
    struct msg_param one;
    bool             found = false;

    if (is_tag_alone(p, end, tag))
        return ERR_OK;
    *tag = SLICE_NONE;
    for (unsigned n = 0; p < end; n++) {
        if (n == MSG_MAX_PARAMS)
            return ERR_LIMIT;
        if (!(p = msg_param_read(p, end, &one)))
            return ERR_SYNTAX;
        if (!found && one.name.n == 3 && msg_param_word(one.name) == scan_word("tag     ")) {
            *tag = one.value;
            found = true;
        }
        p = msg_behind_blank(p, end);
    }
    return ERR_OK;
}

enum err msg_params_check(struct slice params)
{
    struct slice tag;

    return msg_params_tag(params, &tag);
}
