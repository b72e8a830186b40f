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
    FILE                 *file;
    int                   line; /* the last one read                       */
    int                   told; /* the one that *fault is about; 0: none   */
};

static void fault_section(struct options_fault *fault, const char *name, size_t n)
{
    snprintf(fault->text, sizeof fault->text, "section [%.*s] was not expected: this file has no sections", (int)n, name);
}

/* inih tells of a section only with the first key in it, so one is looked for here, where its line is known. */
static char *read_line(char *text, int size, void *arg)
{
    struct reading *r = arg;
    const char     *at = fgets(text, size, r->file);

    if (!at)
        return NULL;
    if (r->told) /* the first fault is enough */
        return NULL;
    r->line++;
    if (r->line == 1 && strncmp(at, "\xef\xbb\xbf", 3) == 0) /* what some editors put in front */
        at += 3;
    if (*at != '[')
        return text;
    r->told = r->line;
    fault_section(r->fault, at + 1, strcspn(at + 1, "]\r\n"));
    return NULL;
}

static int on_pair(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *r = arg;

    r->told = r->line;
    if (section[0]) {
        fault_section(r->fault, section, strlen(section));
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
    if (serve_options_set(r->o, key, value, r->fault))
        return 0;
    r->told = 0;
    return 1;
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
    if (!(r.file = fopen(path, "re"))) {
        snprintf(fault->text, sizeof fault->text, "%s cannot be read: %s", path, strerror(errno));
        return ERR_IO;
    }
    line = ini_parse_stream(read_line, &r, on_pair, &r);
    if (line == 0)
        line = r.told;
    if (ferror(r.file)) {
        snprintf(fault->text, sizeof fault->text, "%s cannot be read: %s", path, strerror(errno));
        fclose(r.file);
        return ERR_IO;
    }
    fclose(r.file);
    if (line == 0)
        return ERR_OK;
    if (line < 0) {
        snprintf(fault->text, sizeof fault->text, "%s cannot be read: there is no memory for it", path);
        return ERR_NOMEM;
    }
    snprintf(fault->text, sizeof fault->text, "%s, line %d: %.1000s", path, line,
             r.told == line ? inner.text : "KEY = VALUE was expected");
    return ERR_SYNTAX;
}
