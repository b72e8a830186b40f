/* params.c - parameters of header fields: *( SEMI generic-param ), RFC 3261 §25.1.
 *
 * Room      sip/msg (pure).
 * In        the parameters of one element, from the first ';'.
 * Out       names and values as written. */
#include "sip/msg/msg_priv.h"

static const char *behind_blank(const char *p, const char *end)
{
    while (p < end && msg_is_blank(*p))
        p++;
    return p;
}

static const char *behind_token(const char *p, const char *end)
{
    while (p < end && msg_is_token_char(*p))
        p++;
    return p;
}

/* What is behind the '='. ERR_SYNTAX: a quoted string that does not end. */
static enum err read_value(const char **at, const char *end, struct slice *value)
{
    const char  *p = *at;
    struct slice rest = slice_between(p, end);

    if (p < end && *p == '"') {
        if (msg_take_quoted(&rest, value))
            return ERR_SYNTAX;
        *at = rest.p;
        return ERR_OK;
    }
    while (p < end && msg_is_value_char(*p))
        p++;
    *value = slice_between(*at, p);
    *at = p;
    return ERR_OK;
}

/* Pointers, not slices: the parameters of every Via, From, To and Contact pass here. */
enum err msg_param_next(struct slice *rest, struct msg_param *out)
{
    const char      *p, *end, *name, *sign;
    struct msg_param param = {0};

    if (!rest->n)
        return ERR_NOTFOUND;
    end = rest->p + rest->n;
    p = behind_blank(rest->p, end);
    if (p == end)
        return ERR_NOTFOUND;
    if (*p != ';')
        return ERR_SYNTAX;
    name = behind_blank(p + 1, end);
    p = behind_token(name, end);
    if (p == name)
        return ERR_SYNTAX;
    param.name = param.value = slice_between(name, p);
    sign = behind_blank(p, end);
    if (sign < end && *sign == '=') {
        param.has_value = true;
        p = behind_blank(sign + 1, end);
        if (read_value(&p, end, &param.value))
            return ERR_SYNTAX;
    } else
        param.value = (struct slice){p, 0};
    *rest = slice_between(p, end);
    *out = param;
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

enum err msg_params_tag(struct slice params, struct slice *tag)
{
    struct msg_param p;
    unsigned         n = 0;
    bool             found = false;
    enum err         e;

    *tag = SLICE_NONE;
    while ((e = msg_param_next(&params, &p)) == ERR_OK) {
        if (++n > MSG_MAX_PARAMS)
            return ERR_LIMIT;
        if (!found && slice_ieq(p.name, S("tag"))) {
            *tag = p.value;
            found = true;
        }
    }
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err msg_params_check(struct slice params)
{
    struct slice tag;

    return msg_params_tag(params, &tag);
}
