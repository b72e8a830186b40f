/* params.c - parameters of header fields: *( SEMI generic-param ), RFC 3261 §25.1.
 *
 * Room      sip/msg (pure).
 * In        the parameters of one element, from the first ';'.
 * Out       names and values as written. */
#include "sip/msg/msg_priv.h"

static struct slice take_value(struct slice *s)
{
    size_t       n = 0;
    struct slice value;

    while (n < s->n && msg_is_value_char(s->p[n]))
        n++;
    value = slice_to(*s, n);
    *s = slice_from(*s, n);
    return value;
}

enum err msg_param_next(struct slice *rest, struct msg_param *out)
{
    struct slice     s = *rest;
    struct msg_param p = {0};

    if (!msg_take_char(&s, ';')) {
        msg_skip_blank(&s);
        return s.n ? ERR_SYNTAX : ERR_NOTFOUND;
    }
    p.name = msg_take_token(&s);
    if (!p.name.n)
        return ERR_SYNTAX;
    p.has_value = msg_take_char(&s, '=');
    p.value = slice_to(s, 0);
    if (p.has_value && s.n && s.p[0] == '"') {
        if (msg_take_quoted(&s, &p.value))
            return ERR_SYNTAX;
    } else if (p.has_value) {
        p.value = take_value(&s);
    }
    *rest = s;
    *out = p;
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

enum err msg_params_check(struct slice params)
{
    struct msg_param p;
    unsigned         n = 0;
    enum err         e;

    while ((e = msg_param_next(&params, &p)) == ERR_OK)
        if (++n > MSG_MAX_PARAMS)
            return ERR_LIMIT;
    return e == ERR_NOTFOUND ? ERR_OK : e;
}
