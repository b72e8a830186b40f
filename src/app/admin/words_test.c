/* words_test.c - the command line of administration as a request, or what is said of it when it is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/admin/admin_priv.h"

enum { MAX_ARGS = 16, SAID_OCTETS = 4096 };

struct reading {
    struct command_line c;
    bool                ok;
    char                said[SAID_OCTETS]; /* on stderr */
    char                line[1024];        /* what the request may point into */
};

/* Words divided by '|'. What is said on stderr meanwhile is caught in a file. */
static void read_words(struct reading *r, const char *line)
{
    char *argv[MAX_ARGS + 1] = {0}, *rest = r->line;
    int   argc = 0, saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    size_t n;

    json_decref(r->c.request);
    memset(r, 0, sizeof *r);
    snprintf(r->line, sizeof r->line, "%s", line);
    for (char *word; (word = strsep(&rest, "|")) && argc < MAX_ARGS;)
        argv[argc++] = word;
    assert_non_null(file);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    r->ok = words_read(&r->c, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    n = fread(r->said, 1, sizeof r->said - 1, file);
    r->said[n] = '\0';
    fclose(file);
}

static void becomes(struct reading *r, const char *line, const char *request)
{
    char *text;

    read_words(r, line);
    if (!r->ok)
        fail_msg("%s: %s", line, r->said);
    text = json_dumps(r->c.request, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, request);
    free(text);
}

static void is_wrong(struct reading *r, const char *line, const char *says)
{
    read_words(r, line);
    assert_false(r->ok);
    if (!strstr(r->said, says))
        fail_msg("%s: '%s' does not say '%s'", line, r->said, says);
    assert_non_null(strstr(r->said, "it goes like this:\n  strowger ")); /* and what would be right */
}

static void every_form(void **state)
{
    static struct reading r;

    (void)state;
    becomes(&r, "user|add|1001|--name|Alice|--password|secret", "{\"act\":\"user.add\",\"name\":\"Alice\",\"number\":\"1001\",\"password\":\"secret\"}");
    becomes(&r, "user|set|1001|--redirect|follow", "{\"act\":\"user.set\",\"number\":\"1001\",\"redirect\":\"follow\"}");
    becomes(&r, "user|set|1001|forward.busy=1003|dnd=|redirect=a=b",
            "{\"act\":\"user.set\",\"dnd\":\"\",\"forward.busy\":\"1003\",\"number\":\"1001\",\"redirect\":\"a=b\"}");
    becomes(&r, "user|set|1001|--name|", "{\"act\":\"user.set\",\"name\":\"\",\"number\":\"1001\"}");
    becomes(&r, "user|remove|1001", "{\"act\":\"user.remove\",\"number\":\"1001\"}");
    becomes(&r, "group|add|600|--members|1001,1002|--how|turn|--ring|15|--name|Sales|forward.noanswer=1009",
            "{\"act\":\"group.add\",\"forward.noanswer\":\"1009\",\"how\":\"turn\",\"members\":\"1001,1002\",\"name\":\"Sales\","
            "\"number\":\"600\",\"ring\":\"15\"}");
    becomes(&r, "trunk|add|berlin|--server|sip:b.example|dial=00*/2/+,0*|did=+4930=1001",
            "{\"act\":\"trunk.add\",\"dial\":\"00*/2/+,0*\",\"did\":\"+4930=1001\",\"name\":\"berlin\",\"server\":\"sip:b.example\"}");
    becomes(&r, "trunk|show|berlin", "{\"act\":\"trunk.show\",\"name\":\"berlin\"}");
    becomes(&r, "group|list", "{\"act\":\"group.list\"}");
    becomes(&r, "group|remove|600", "{\"act\":\"group.remove\",\"number\":\"600\"}");
    becomes(&r, "user|list", "{\"act\":\"user.list\"}");
    becomes(&r, "user|export", "{\"act\":\"user.export\"}");
    becomes(&r, "user|export|--secrets", "{\"act\":\"user.export\",\"secrets\":true}");
    becomes(&r, "calls", "{\"act\":\"calls\"}");
    becomes(&r, "calls|end|a3-1", "{\"act\":\"calls.end\",\"id\":\"a3-1\"}");
    becomes(&r, "bindings", "{\"act\":\"bindings\"}");
    becomes(&r, "bindings|1001", "{\"act\":\"bindings\",\"number\":\"1001\"}");
    becomes(&r, "cdr|--party|1001|--max|5", "{\"act\":\"cdr\",\"max\":5,\"party\":\"1001\"}");
    becomes(&r, "explain|1001|1003", "{\"act\":\"explain\",\"callee\":\"1003\",\"caller\":\"1001\"}");
    json_decref(r.c.request);
}

/* Options of all forms, behind the words that say which. */
static void common_options(void **state)
{
    static struct reading r;

    (void)state;
    becomes(&r, "user|list|--json|--data|/tmp/x|--realm|office", "{\"act\":\"user.list\"}");
    assert_true(r.c.json);
    assert_string_equal(r.c.data, "/tmp/x");
    assert_string_equal(r.c.realm, "office");
    setenv("XDG_DATA_HOME", "/tmp/xdg", 1);
    becomes(&r, "user|list", "{\"act\":\"user.list\"}");
    assert_string_equal(r.c.data, "/tmp/xdg/strowger");
    assert_null(r.c.realm);
    read_words(&r, "user|--help");
    assert_true(r.ok && r.c.help);
    read_words(&r, "cdr|-h");
    assert_true(r.ok && r.c.help);
    json_decref(r.c.request);
}

static void wrong_words(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"user", "user"},
        {"user|fly", "fly"},
        {"user|add", "number"},
        {"user|add|1001|1002", "1002"},
        {"user|add|1001|--name", "--name"},
        {"user|add|1001|--act|user.remove", "--act"},
        {"user|set|1001|--number|1002", "--number"},
        {"user|set|1001|number=1002", "number"},
        {"user|set|1001|act=x", "act"},
        {"user|set|1001|=x", "=x"},
        {"user|remove|1001|dnd=on", "dnd=on"},
        {"user|set|1001", "set"},
        {"user|remove|1001|--name|x", "--name"},
        {"user|list|--secrets", "--secrets"},
        {"user|import", "file"},
        {"calls|end", "id"},
        {"calls|fly", "fly"},
        {"cdr|--max|many", "--max"},
        {"cdr|--max|0", "--max"},
        {"cdr|--max|-1", "--max"},
        {"cdr|1001", "1001"},
        {"explain|1001", "callee"},
        {"explain|1001|1002|1003", "1003"},
        {"bindings|--data", "--data"},
        {"bindings|1001|1002", "1002"},
    };
    static struct reading r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        is_wrong(&r, cases[i].line, cases[i].says);
    json_decref(r.c.request);
}

static void an_import(void **state)
{
    static struct reading r;
    char                  path[] = "/tmp/strowger-words-XXXXXX", line[128];
    int                   fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "number\n1001\n", 12), 12);
    snprintf(line, sizeof line, "user|import|%s", path);
    becomes(&r, line, "{\"act\":\"user.import\",\"csv\":\"number\\n1001\\n\"}");
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(write(fd, "\xff\xfe", 2), 2);
    read_words(&r, line);
    assert_true(r.ok);
    assert_non_null(strstr(r.c.failed, "no UTF-8"));
    close(fd);
    unlink(path);
    read_words(&r, line);
    assert_true(r.ok); /* the words were right: the answer says what went wrong */
    assert_non_null(strstr(r.c.failed, path));
    assert_non_null(strstr(r.c.failed, "No such file"));
    read_words(&r, "user|import|/tmp");
    assert_non_null(strstr(r.c.failed, "it is a folder"));
    json_decref(r.c.request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form),
        cmocka_unit_test(common_options),
        cmocka_unit_test(wrong_words),
        cmocka_unit_test(an_import),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
