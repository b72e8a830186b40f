/* config.c - the configuration file: KEY = VALUE lines, read by inih; keys are the long options' names.
 *
 * Room      app/serve.
 * Touches   *o and *fault. An unknown key, a section or a bad value is an error with its line. */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/serve/options.h"

struct reading {
    struct serve_options *o;
    struct options_fault *fault;
};

static int on_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *r = arg;

    if (section[0]) {
        snprintf(r->fault->text, sizeof r->fault->text, "section [%s] was not expected: this file has no sections", section);
        return 0;
    }
    if (strpbrk(key, " \t")) { /* a line without '=' may have been cut at a ':' */
        snprintf(r->fault->text, sizeof r->fault->text, "KEY = VALUE was expected");
        return 0;
    }
    if (strcmp(key, "config") == 0) {
        snprintf(r->fault->text, sizeof r->fault->text, "config cannot be set in a configuration file");
        return 0;
    }
    return serve_options_set(r->o, key, value, r->fault) == ERR_OK;
}

enum err serve_options_read_file(struct serve_options *o, const char *path, struct options_fault *fault)
{
    struct options_fault inner = {""};
    struct reading       r = {.o = o, .fault = &inner};
    struct stat          st;
    int                  line;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        snprintf(fault->text, sizeof fault->text, "%s is a folder; a file of KEY = VALUE lines was expected", path);
        return ERR_IO;
    }
    o->listen_anew = o->domain_anew = true;
    line = ini_parse(path, on_pair, &r);
    if (line == 0)
        return ERR_OK;
    if (line < 0) {
        snprintf(fault->text, sizeof fault->text, "%s cannot be read: %s", path, strerror(errno));
        return ERR_IO;
    }
    snprintf(fault->text, sizeof fault->text, "%s, line %d: %.1000s", path, line,
             inner.text[0] ? inner.text : "KEY = VALUE was expected");
    return ERR_SYNTAX;
}
