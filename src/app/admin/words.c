/* words.c - the command line as a request: what was meant, or what is wrong with it.
 *
 * Room      app/admin.
 * Touches   *c; reads the file of an import. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/admin/admin_priv.h"
#include "base/slice.h"
#include "sys/files.h"
#include "sys/heap.h"
#include "sys/oserr.h"

enum { MAX_IMPORT = 32 << 20 };

struct form {
    const char *command, *verb; /* verb NULL: the command has none here */
    const char *act;
    const char *words[2];       /* what stands bare, in order: the keys that it is given to */
    bool        settings;       /* --KEY VALUE pairs are passed on */
    const char *options;        /* "--a --b": other options that it takes */
    const char *usage;
};

static const struct form forms[] = {
    {"user", "add", "user.add", {"number", NULL}, true, "", "user add NUMBER [--name NAME] [--password PASSWORD] [--KEY VALUE...]"},
    {"user", "set", "user.set", {"number", NULL}, true, "", "user set NUMBER --KEY VALUE..."},
    {"user", "remove", "user.remove", {"number", NULL}, false, "", "user remove NUMBER"},
    {"user", "list", "user.list", {NULL, NULL}, false, "", "user list"},
    {"user", "import", "user.import", {"file", NULL}, false, "", "user import FILE.csv"},
    {"user", "export", "user.export", {NULL, NULL}, false, "--secrets", "user export [--secrets]"},
    {"calls", "end", "calls.end", {"id", NULL}, false, "", "calls end ID"},
    {"calls", NULL, "calls", {NULL, NULL}, false, "", "calls"},
    {"bindings", NULL, "bindings", {"number", NULL}, false, "", "bindings [NUMBER]"},
    {"cdr", NULL, "cdr", {NULL, NULL}, false, "--party --max", "cdr [--party NUMBER] [--max N]"},
    {"explain", NULL, "explain", {"caller", "callee"}, false, "", "explain CALLER CALLEE"},
};
#define N_FORMS (sizeof forms / sizeof forms[0])

static void put_usages(FILE *to, const char *command)
{
    for (size_t i = 0; i < N_FORMS; i++)
        if (strcmp(forms[i].command, command) == 0)
            fprintf(to, "  strowger %s\n", forms[i].usage);
}

void words_help(const char *command)
{
    puts("usage:");
    put_usages(stdout, command);
    puts("\n  --data FOLDER  the exchange's data (default: $XDG_DATA_HOME/strowger)\n"
         "  --json         the answer as one line of JSON\n"
         "  --realm NAME   whose passwords (default: the exchange's)\n\n"
         "It works whether the exchange runs or not.");
}

static bool wrong(const char *command, const char *what, const char *word)
{
    fprintf(stderr, "strowger %s: %s%s%s; it goes like this:\n", command, what, word[0] ? " " : "", word);
    put_usages(stderr, command);
    return false;
}

static const struct form *find_form(const char *command, const char *verb)
{
    const struct form *plain = NULL;

    for (size_t i = 0; i < N_FORMS; i++) {
        if (strcmp(forms[i].command, command) != 0)
            continue;
        if (forms[i].verb && verb && strcmp(forms[i].verb, verb) == 0)
            return &forms[i];
        if (!forms[i].verb)
            plain = &forms[i];
    }
    return plain;
}

static bool takes(const struct form *f, const char *option)
{
    size_t      n = strlen(option);
    const char *at = strstr(f->options, option);

    return at && (at[n] == ' ' || at[n] == '\0');
}

/* An option of every form. 0: none of them; else how many words it took; -1: it lacks its value. */
static int common_option(struct command_line *c, char **argv)
{
    if (strcmp(argv[0], "--json") == 0) {
        c->json = true;
        return 1;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        c->help = true;
        return 1;
    }
    if (strcmp(argv[0], "--data") != 0 && strcmp(argv[0], "--realm") != 0)
        return 0;
    if (!argv[1])
        return -1;
    if (strcmp(argv[0], "--realm") == 0)
        c->realm = argv[1];
    else
        snprintf(c->data, sizeof c->data, "%s", argv[1]);
    return 2;
}

static int own_option(struct command_line *c, const struct form *f, char **argv)
{
    const char *key = argv[0] + 2;
    uint64_t    n;

    if (strcmp(argv[0], "--secrets") == 0 && takes(f, argv[0])) {
        json_object_set_new(c->request, key, json_true());
        return 1;
    }
    if (!f->settings && !takes(f, argv[0]))
        return 0;
    if (!argv[1])
        return -1;
    if (strcmp(argv[0], "--max") == 0 && takes(f, argv[0]))
        json_object_set_new(c->request, key, slice_u64(slice_z(argv[1]), UINT32_MAX, &n) ? json_null() : json_integer((json_int_t)n));
    else
        json_object_set_new(c->request, key, json_string(argv[1]));
    return 2;
}

/* The file of an import becomes its text. */
static bool read_import(struct command_line *c)
{
    const char  *path = json_string_value(json_object_get(c->request, "file"));
    struct mem   mem;
    struct arena a;
    struct slice text;
    char         why[160];
    struct buf   b = BUF_ON(why);
    enum err     e;

    heap_mem(&mem);
    arena_init(&a, &mem, 65536, 0);
    e = file_read(path, MAX_IMPORT, &a, &text);
    if (e) {
        oserr_put(&b, errno);
        fprintf(stderr, "strowger user: %s cannot be read: %.*s\n", path, SARG(buf_slice(&b)));
    } else
        json_object_set_new(c->request, "csv", json_stringn(text.n ? text.p : "", text.n));
    arena_close(&a);
    json_object_del(c->request, "file");
    return e == ERR_OK;
}

static bool read_rest(struct command_line *c, const struct form *f, char **argv)
{
    size_t words = 0;

    for (int used; *argv; argv += used) {
        used = 1;
        if (strncmp(*argv, "--", 2) == 0 || strcmp(*argv, "-h") == 0) {
            used = common_option(c, argv);
            if (used == 0)
                used = own_option(c, f, argv);
            if (used == 0)
                return wrong(f->command, "there is no option", *argv);
            if (used < 0)
                return wrong(f->command, "a value is missing behind", *argv);
        } else if (words < 2 && f->words[words])
            json_object_set_new(c->request, f->words[words++], json_string(*argv));
        else
            return wrong(f->command, "too many words, from", *argv);
    }
    if (!c->help && strcmp(f->command, "bindings") != 0 && words < 2 && f->words[words])
        return wrong(f->command, "this is missing:", f->words[words]);
    return true;
}

bool words_read(struct command_line *c, int argc, char **argv)
{
    const char        *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const char        *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const struct form *f = find_form(argv[0], verb);

    if (xdg && xdg[0])
        snprintf(c->data, sizeof c->data, "%s/strowger", xdg);
    else
        snprintf(c->data, sizeof c->data, "%s/.local/share/strowger", home ? home : "");
    if (!f && argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        c->help = true;
        return true;
    }
    if (!f)
        return wrong(argv[0], verb ? "there is no" : "a word is missing behind", verb ? verb : argv[0]);
    c->request = json_object();
    json_object_set_new(c->request, "act", json_string(f->act));
    if (!read_rest(c, f, argv + (f->verb ? 2 : 1)))
        return false;
    return c->help || strcmp(f->act, "user.import") != 0 || read_import(c);
}
