/* list.c - comma lists over all rows of a header field: RFC 3261 §7.3.1.
 *
 * Room      sip/msg (pure).
 * In        rows of a message, or one value.
 * Out       elements, as slices into the message. */
#include "sip/msg/msg_priv.h"

/* Offset of the comma that ends the first element, or SIZE_MAX. Commas in quoted strings and in <> are text. */
static size_t end_of_element(struct slice s)
{
    bool in_uri = false;

    for (size_t i = 0; i < s.n; i++) {
        struct slice rest, quoted;

        switch (s.p[i]) {
        case ',':
            if (!in_uri)
                return i;
            break;
        case '<':
            in_uri = true;
            break;
        case '>':
            in_uri = false;
            break;
        case '"':
            rest = slice_from(s, i);
            if (in_uri)
                break;
            if (msg_take_quoted(&rest, &quoted))
                return SIZE_MAX; /* it never ends: the reader of the element will say so */
            i += quoted.n - 1;
            break;
        default:
            break;
        }
    }
    return SIZE_MAX;
}

bool msg_element_next(struct slice *rest, struct slice *element)
{
    while (rest->n) {
        size_t       comma = slice_find(*rest, ',') == SIZE_MAX ? SIZE_MAX : end_of_element(*rest);
        struct slice one = slice_trim(slice_to(*rest, comma));

        *rest = comma == SIZE_MAX ? slice_from(*rest, rest->n) : slice_from(*rest, comma + 1);
        if (one.n) {
            *element = one;
            return true;
        }
    }
    return false;
}

bool msg_list_next(struct msg_list *it, struct slice *element)
{
    if (it->n == MSG_MAX_ELEMENTS)
        return false;
    while (it->row) {
        if (msg_element_next(&it->rest, element)) {
            it->n++;
            return true;
        }
        it->row = msg_row_next(it->m, it->row);
        it->rest = it->row ? it->row->value : SLICE_NONE;
    }
    return false;
}

enum err msg_element(const struct msg *m, enum hdr_id id, size_t i, struct slice *out)
{
    struct slice rest, one;

    if (i >= MSG_MAX_ELEMENTS)
        return ERR_NOTFOUND;
    for (const struct msg_row *row = msg_row(m, id); row; row = msg_row_next(m, row)) {
        rest = row->value;
        while (msg_element_next(&rest, &one))
            if (i-- == 0) {
                *out = one;
                return ERR_OK;
            }
    }
    return ERR_NOTFOUND;
}

enum err msg_element_last(const struct msg *m, enum hdr_id id, struct slice *out)
{
    struct msg_list it = msg_list_begin(m, id);
    struct slice    one;
    enum err        e = ERR_NOTFOUND;

    while (msg_list_next(&it, &one)) {
        *out = one;
        e = ERR_OK;
    }
    return e;
}

size_t msg_element_count(const struct msg *m, enum hdr_id id)
{
    struct msg_list it = msg_list_begin(m, id);
    struct slice    one;
    size_t          n = 0;

    while (msg_list_next(&it, &one))
        n++;
    return n;
}

/* Is what stands there the first token of an element? Nothing in a list of tokens hides a comma. */
static bool is_token_of(struct slice list, struct slice found)
{
    const char *p = found.p, *behind = found.p + found.n;

    if (behind < list.p + list.n && (msg_class_of[(unsigned char)*behind] & MSG_C_TOKEN))
        return false;
    while (p > list.p && (unsigned char)p[-1] <= ' ') /* folds too */
        p--;
    return p == list.p || p[-1] == ',';
}

/* It is looked for, instead of each being read. Methods are the one kind of token with case (RFC 3261 §7.1). */
static bool has_token(struct slice list, struct slice token, bool with_case)
{
    struct slice rest = list;

    for (size_t at; (at = with_case ? slice_find_slice(rest, token) : slice_ifind_slice(rest, token)) != SIZE_MAX;) {
        rest = slice_from(rest, at);
        if (is_token_of(list, slice_to(rest, token.n)))
            return true;
        rest = slice_from(rest, token.n);
    }
    return false;
}

bool msg_has_token(const struct msg *m, enum hdr_id id, struct slice token)
{
    for (const struct msg_row *row = token.n ? msg_row(m, id) : NULL; row; row = msg_row_next(m, row))
        if (has_token(row->value, token, id == HDR_ALLOW))
            return true;
    return false;
}
