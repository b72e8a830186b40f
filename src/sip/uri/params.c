/* params.c - parameters and header fields of a URI, found by name or one after another.
 *
 * Room      sip/uri (pure).
 * In        the raw slices of a struct uri.
 * Out       names and values, still escaped. */
#include "sip/uri/uri_priv.h"

static bool next_pair(struct slice *rest, char separator, struct uri_pair *out)
{
    struct slice one;

    if (!rest->n)
        return false;
    slice_cut(rest, separator, &one);
    out->has_value = slice_cut(&one, '=', &out->name);
    out->value = one;
    return true;
}

bool uri_next_param(struct slice *rest, struct uri_pair *out)
{
    if (rest->n && rest->p[0] == ';')
        *rest = slice_from(*rest, 1);
    return next_pair(rest, ';', out);
}

bool uri_next_header(struct slice *rest, struct uri_pair *out)
{
    return next_pair(rest, '&', out);
}

enum err uri_param(const struct uri *u, struct slice name, struct slice *value)
{
    struct slice    rest = u->params;
    struct uri_pair pair;

    while (uri_next_param(&rest, &pair)) {
        if (!uri_same_text(pair.name, name, true))
            continue;
        if (value)
            *value = pair.value;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

bool uri_has_param(const struct uri *u, struct slice name)
{
    return uri_param(u, name, NULL) == ERR_OK;
}

enum err uri_header(const struct uri *u, struct slice name, struct slice *value)
{
    struct slice    rest = u->headers;
    struct uri_pair pair;

    while (uri_next_header(&rest, &pair)) {
        if (!uri_same_text(pair.name, name, true))
            continue;
        if (value)
            *value = pair.value;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}
