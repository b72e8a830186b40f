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

enum { MAX_WORDS = 2 };

enum settings { NO_SETTINGS, SOME_SETTINGS, NEEDS_SETTINGS };

struct form {
    const char   *command, *verb; /* verb NULL: the command has none here */
    const char   *act;
    const char   *words[MAX_WORDS]; /* what stands bare, in order: the keys that it is given to */
    enum settings settings;         /* are --KEY VALUE pairs passed on? */
    const char   *options;          /* "--a --b": other options that it takes */
    const char   *usage;
};

static const struct form forms[] = {
    {"user", "add", "user.add", {"number", NULL}, SOME_SETTINGS, "", "user add NUMBER [--name NAME] [--password PASSWORD] [KEY=VALUE...]"},
    {"user", "set", "user.set", {"number", NULL}, NEEDS_SETTINGS, "", "user set NUMBER KEY=VALUE..."},
    {"user", "remove", "user.remove", {"number", NULL}, NO_SETTINGS, "", "user remove NUMBER"},
    {"user", "list", "user.list", {NULL, NULL}, NO_SETTINGS, "", "user list"},
    {"user", "import", "user.import", {"file", NULL}, NO_SETTINGS, "", "user import FILE.csv"},
    {"user", "export", "user.export", {NULL, NULL}, NO_SETTINGS, "--secrets", "user export [--secrets]"},
    {"group", "add", "group.add", {"number", NULL}, SOME_SETTINGS, "",
     "group add NUMBER --members NUMBER,NUMBER... [--how all|turn|idle] [--ring SECONDS] [--name NAME] [KEY=VALUE...]"},
    {"group", "set", "group.set", {"number", NULL}, NEEDS_SETTINGS, "", "group set NUMBER [--members ...] [--how ...] [KEY=VALUE...]"},
    {"group", "remove", "group.remove", {"number", NULL}, NO_SETTINGS, "", "group remove NUMBER"},
    {"group", "list", "group.list", {NULL, NULL}, NO_SETTINGS, "", "group list"},
    {"trunk", "add", "trunk.add", {"name", NULL}, SOME_SETTINGS, "", "trunk add NAME --server sip:HOST [KEY=VALUE...]"},
    {"trunk", "set", "trunk.set", {"name", NULL}, NEEDS_SETTINGS, "", "trunk set NAME KEY=VALUE..."},
    {"trunk", "show", "trunk.show", {"name", NULL}, NO_SETTINGS, "", "trunk show NAME"},
    {"trunk", "remove", "trunk.remove", {"name", NULL}, NO_SETTINGS, "", "trunk remove NAME"},
    {"trunk", "list", "trunk.list", {NULL, NULL}, NO_SETTINGS, "", "trunk list"},
    {"calls", "end", "calls.end", {"id", NULL}, NO_SETTINGS, "", "calls end ID"},
    {"calls", NULL, "calls", {NULL, NULL}, NO_SETTINGS, "", "calls"},
    {"bindings", NULL, "bindings", {"number", NULL}, NO_SETTINGS, "", "bindings [NUMBER]"},
    {"subscriptions", NULL, "subscriptions", {"number", NULL}, NO_SETTINGS, "", "subscriptions [NUMBER]"},
    {"cdr", NULL, "cdr", {NULL, NULL}, NO_SETTINGS, "--party --max", "cdr [--party NUMBER] [--max N]"},
    {"explain", NULL, "explain", {"caller", "callee"}, NO_SETTINGS, "", "explain CALLER CALLEE"},
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
    if (strcmp(command, "user") == 0)
        puts("\n  KEY=VALUE may also be written --KEY VALUE. KEY is: name, auth-name, password, digest (auto|md5|sha-256|both),\n"
             "  redirect (pass|follow), dnd (on|off), forward.always, forward.busy, forward.noanswer, forward.unregistered\n"
             "  (each a number or SIP URI), forward.noanswer_s (5 to 180 seconds),\n"
             "  transfer (accept|relay|execute), transfer.recall_s (0 to 600 seconds). An empty VALUE takes a setting away.\n"
             "  Without a password user add makes one, and shows it once.");
    if (strcmp(command, "group") == 0)
        puts("\n  Who calls NUMBER reaches its members: all at once, in turn, or one after the other with who has been idle\n"
             "  for longest first. --ring is how long all of them ring, or each of them. KEY is one of forward.always,\n"
             "  forward.busy, forward.noanswer, forward.noanswer_s, forward.unregistered, dnd.");
    if (strcmp(command, "trunk") == 0)
        puts("\n  A trunk is another exchange, or a provider: calls go out to it by the rules of dial, and come in from it by those of\n"
             "  did. KEY=VALUE may also be written --KEY VALUE. KEY is: server (sip:HOST[:PORT][;transport=tcp|tls]), register (on|off),\n"
             "  user, auth-name, password, domain, main-number, caller-id, dial, did, address, emergency (on|off),\n"
             "  trusted (on|off), preference (1 to 999), qualify_s (0, or 5 to 3600 seconds). An empty VALUE takes a setting\n"
             "  away. doc/trunks.md says what each is for.");
    puts("\n  --data FOLDER  the exchange's data (default: $XDG_DATA_HOME/strowger)\n"
         "  --json         the answer as one line of JSON\n"
         "  --realm NAME   whose passwords (default: the exchange's)\n\n"
         "It works whether the exchange runs or not.");
}

static bool wrong(const char *command, const char *what, const char *word)
{
    if (word)
        fprintf(stderr, "strowger %s: %s '%s'; it goes like this:\n", command, what, word);
    else
        fprintf(stderr, "strowger %s: %s; it goes like this:\n", command, what);
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

enum { NOT_MINE = 0, NO_VALUE = -1, BAD_VALUE = -2 };

/* An option of every form. How many words it took, or one of the above. */
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
        return NOT_MINE;
    if (!argv[1])
        return NO_VALUE;
    if (strcmp(argv[0], "--realm") == 0)
        c->realm = argv[1];
    else if (!argv[1][0] || (size_t)snprintf(c->data, sizeof c->data, "%s", argv[1]) >= sizeof c->data)
        return BAD_VALUE;
    return 2;
}

/* What the form itself says stands bare: no setting may have its name. */
static bool is_bare(const struct form *f, const char *key)
{
    if (strcmp(key, "act") == 0)
        return true;
    for (size_t i = 0; i < MAX_WORDS; i++)
        if (f->words[i] && strcmp(f->words[i], key) == 0)
            return true;
    return false;
}

static int own_option(struct command_line *c, const struct form *f, char **argv)
{
    const char *key = argv[0] + 2;
    uint64_t    n;

    if (strcmp(argv[0], "--secrets") == 0 && takes(f, argv[0])) {
        json_object_set_new(c->request, key, json_true());
        return 1;
    }
    if ((!f->settings && !takes(f, argv[0])) || is_bare(f, key))
        return NOT_MINE;
    if (!argv[1])
        return NO_VALUE;
    if (strcmp(argv[0], "--max") != 0 || !takes(f, argv[0]))
        return json_object_set_new(c->request, key, json_string(argv[1])) ? BAD_VALUE : 2; /* no UTF-8 */
    if (slice_u64(slice_z(argv[1]), UINT32_MAX, &n) || n == 0)
        return BAD_VALUE;
    json_object_set_new(c->request, key, json_integer((json_int_t)n));
    return 2;
}

/* The file of an import becomes its text; what is wrong with it is the command's failure. */
static void read_import(struct command_line *c)
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
    if (e == ERR_LIMIT)
        buf_put(&b, S("it has more than 32 MiB"));
    else if (e == ERR_INVALID)
        buf_put(&b, S("it is a folder"));
    else if (e)
        oserr_put(&b, errno);
    if (e)
        snprintf(c->failed, sizeof c->failed, "%s cannot be read: %.*s", path, SARG(buf_slice(&b)));
    else if (json_object_set_new(c->request, "csv", json_stringn(text.n ? text.p : "", text.n)))
        snprintf(c->failed, sizeof c->failed, "%s is no UTF-8 text: save it as CSV in UTF-8", path);
    arena_close(&a);
    json_object_del(c->request, "file");
}

/* KEY=VALUE behind the words that the form wants. 1, or 0: it is none, or wrong, and said so. */
static int read_pair(struct command_line *c, const struct form *f, char *word)
{
    char *eq = strchr(word, '=');

    if (!f->settings || !eq || eq == word) {
        wrong(f->command, "too many words, from", word);
        return 0;
    }
    *eq = '\0';
    if (is_bare(f, word))
        wrong(f->command, "there is no setting", word);
    else if (json_object_set_new(c->request, word, json_string(eq + 1)))
        wrong(f->command, "this is no UTF-8:", eq + 1);
    else
        return 1;
    return 0;
}

/* An option at *argv. How many words it took; 0: wrong, and said so. */
static int read_option(struct command_line *c, const struct form *f, char **argv)
{
    int used = common_option(c, argv);

    if (used == NOT_MINE)
        used = own_option(c, f, argv);
    if (used > 0)
        return used;
    if (used == NO_VALUE)
        wrong(f->command, "a value is missing behind", *argv);
    else if (used == BAD_VALUE)
        wrong(f->command, "that value will not do for", *argv);
    else
        wrong(f->command, "there is no option", *argv);
    return 0;
}

static bool read_rest(struct command_line *c, const struct form *f, char **argv)
{
    size_t words = 0, before;

    for (int used; *argv; argv += used) {
        used = 1;
        if (strncmp(*argv, "--", 2) == 0 || strcmp(*argv, "-h") == 0) {
            if ((used = read_option(c, f, argv)) == 0)
                return false;
        } else if (words == MAX_WORDS || !f->words[words]) {
            if (!read_pair(c, f, *argv))
                return false;
        } else if (json_object_set_new(c->request, f->words[words++], json_string(*argv)))
            return wrong(f->command, "this is no UTF-8:", *argv);
    }
    if (c->help)
        return true;
    if (strcmp(f->command, "bindings") != 0 && words < MAX_WORDS && f->words[words])
        return wrong(f->command, "this is missing:", f->words[words]);
    before = 1 + words; /* the act */
    if (f->settings == NEEDS_SETTINGS && json_object_size(c->request) == before)
        return wrong(f->command, "nothing is said that is to be set", NULL);
    return true;
}

static bool find_data(struct command_line *c)
{
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    size_t      n = 0;

    if (xdg && xdg[0])
        n = (size_t)snprintf(c->data, sizeof c->data, "%s/strowger", xdg);
    else if (home && home[0])
        n = (size_t)snprintf(c->data, sizeof c->data, "%s/.local/share/strowger", home);
    return n > 0 && n < sizeof c->data;
}

bool words_read(struct command_line *c, int argc, char **argv)
{
    const char        *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    const struct form *f = find_form(argv[0], verb);

    if (!find_data(c))
        c->data[0] = '\0';
    if (!f && argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        c->help = true;
        return true;
    }
    if (!f && verb)
        return wrong(argv[0], "there is no", verb);
    if (!f)
        return wrong(argv[0], "a word is missing", NULL);
    c->request = json_object();
    json_object_set_new(c->request, "act", json_string(f->act));
    if (!read_rest(c, f, argv + (f->verb ? 2 : 1)))
        return false;
    if (c->help)
        return true;
    if (!c->data[0])
        return wrong(f->command, "neither HOME nor XDG_DATA_HOME is set, so --data must say where the data is", NULL);
    if (strcmp(f->act, "user.import") == 0)
        read_import(c);
    return true;
}
