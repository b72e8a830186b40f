/* read_xml.c - libexpat, fenced in: no document type, no entities, no depth.
 *
 * Room      server/presence.
 * Touches   one parser, made and freed here. */
#include <expat.h>
#include <string.h>

#include "server/presence/read_xml.h"

struct reading {
    XML_Parser           parser;
    const struct xml_on *on;
    void                *arg;
    unsigned             depth;
    enum err             fault;
};

static void stop(struct reading *r, enum err why)
{
    r->fault = why;
    XML_StopParser(r->parser, XML_FALSE);
}

/* "namespace|name": expat's own text, NUL-terminated. */
static struct slice local_name(const XML_Char *name)
{
    struct slice s = slice_z(name);
    size_t       bar = slice_find_last(s, '|');

    return bar == SIZE_MAX ? s : slice_from(s, bar + 1);
}

static void XMLCALL on_open(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = user;

    (void)attributes;
    if (++r->depth > XML_MAX_DEPTH)
        stop(r, ERR_LIMIT);
    else
        r->on->open(r->arg, local_name(name), r->depth);
}

static void XMLCALL on_close(void *user, const XML_Char *name)
{
    struct reading *r = user;

    r->on->close(r->arg, local_name(name), r->depth);
    r->depth--;
}

static void XMLCALL on_text(void *user, const XML_Char *text, int n)
{
    struct reading *r = user;

    r->on->text(r->arg, (struct slice){text, (size_t)n});
}

static void XMLCALL on_document_type(void *user, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id, int internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    stop(user, ERR_SYNTAX);
}

enum err xml_read(struct slice document, const struct xml_on *on, void *arg)
{
    struct reading r = {.on = on, .arg = arg};
    enum err       e = ERR_OK;

    if (document.n > XML_MAX_OCTETS)
        return ERR_LIMIT;
    if (!(r.parser = XML_ParserCreateNS(NULL, '|')))
        return ERR_NOMEM;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_open, on_close);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_document_type);
    if (XML_Parse(r.parser, document.n ? document.p : "", (int)document.n, XML_TRUE) != XML_STATUS_OK)
        e = r.fault                                               ? r.fault
            : XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY ? ERR_NOMEM
                                                                  : ERR_SYNTAX;
    XML_ParserFree(r.parser);
    return e;
}
