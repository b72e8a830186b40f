/* options_test.c - the command line of `strowger serve` and its configuration file: what is taken, and what is said of what
 * is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/serve/options.h"

enum { MAX_WORDS = 32 };

/* Words divided by spaces. */
static enum err read_line(struct serve_options *o, const char *line, struct options_fault *fault)
{
    char  copy[1024], *argv[MAX_WORDS + 1] = {"serve"}, *rest = copy;
    int   argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) && argc < MAX_WORDS;)
        if (*word)
            argv[argc++] = word;
    fault->text[0] = '\0';
    return serve_options_read(o, argc, argv, fault);
}

static void assert_says(const struct options_fault *fault, const char *what)
{
    if (!strstr(fault->text, what))
        fail_msg("'%s' does not say '%s'", fault->text, what);
}

/* A configuration file with that text; its name in `path`. */
static void write_file(char *path, size_t n, const char *text)
{
    int fd;

    snprintf(path, n, "/tmp/strowger-options-XXXXXX");
    assert_true((fd = mkstemp(path)) >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static enum err read_file(struct serve_options *o, const char *text, const char *more, struct options_fault *fault)
{
    char     path[64], line[512];
    enum err e;

    write_file(path, sizeof path, text);
    snprintf(line, sizeof line, "--config %s %s", path, more);
    e = read_line(o, line, fault);
    unlink(path);
    return e;
}

static void assert_listens(const struct serve_options *o, size_t i, enum transport_kind kind, const char *addr)
{
    struct addr a;

    assert_true(i < o->n_listen);
    assert_int_equal(addr_parse(slice_z(addr), &a), ERR_OK);
    assert_int_equal(o->listen[i].kind, kind);
    assert_true(addr_eq(&o->listen[i].local, &a));
}

static void nothing_said(void **state)
{
    struct serve_options o;
    struct options_fault f;

    (void)state;
    setenv("XDG_DATA_HOME", "/tmp/xdg", 1);
    assert_int_equal(read_line(&o, "", &f), ERR_OK);
    assert_string_equal(o.data, "/tmp/xdg/strowger");
    assert_int_equal(o.n_listen, 4);
    assert_true(o.default_listen);
    assert_listens(&o, 0, TRANSPORT_UDP, "0.0.0.0:5060");
    assert_string_equal(o.realm, "strowger");
    assert_int_equal(o.n_domains, 0);
    assert_false(o.open_house);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/tmp/home", 1);
    assert_int_equal(read_line(&o, "", &f), ERR_OK);
    assert_string_equal(o.data, "/tmp/home/.local/share/strowger");
}

static void everything_said(void **state)
{
    struct serve_options o;
    struct options_fault f;

    (void)state;
    assert_int_equal(read_line(&o,
                               "--data /tmp/x --listen udp:127.0.0.10:5062 --listen=tcp:[::1]:5063 --listen tcp:127.0.0.10 "
                               "--domain a.example --domain=b.example --realm office --workers 3",
                               &f),
                     ERR_OK);
    assert_string_equal(o.data, "/tmp/x");
    assert_int_equal(o.n_listen, 3);
    assert_listens(&o, 0, TRANSPORT_UDP, "127.0.0.10:5062");
    assert_listens(&o, 1, TRANSPORT_TCP, "[::1]:5063");
    assert_listens(&o, 2, TRANSPORT_TCP, "127.0.0.10:5060");
    assert_int_equal(read_line(&o, "--listen tls:127.0.0.10 --listen tls:[::1]:5071 --tls-cert a.pem --tls-key b.pem --tls-trust c.pem", &f), ERR_OK);
    assert_listens(&o, 0, TRANSPORT_TLS, "127.0.0.10:5061");
    assert_listens(&o, 1, TRANSPORT_TLS, "[::1]:5071");
    assert_string_equal(o.tls_cert, "a.pem");
    assert_string_equal(o.tls_key, "b.pem");
    assert_string_equal(o.tls_trust, "c.pem");
    assert_int_equal(read_line(&o, "--domain a.example --domain=b.example --realm office --workers 3", &f), ERR_OK);
    assert_int_equal(o.n_domains, 2);
    assert_string_equal(o.domain[1], "b.example");
    assert_string_equal(o.realm, "office");
    assert_int_equal(o.workers, 3);
    assert_int_equal(read_line(&o, "--digest both --register-min 30 --register-max 600 --session-timer 1800 --session-min 120 --relay yes --transfer relay --log debug --help", &f), ERR_OK);
    assert_int_equal(o.digest, DIRECTORY_DIGEST_BOTH);
    assert_int_equal(o.register_min_s, 30);
    assert_int_equal(o.register_max_s, 600);
    assert_int_equal(o.session_s, 1800);
    assert_int_equal(o.session_min_s, 120);
    assert_true(o.may_relay);
    assert_int_equal(o.transfer, DIALOG_MODE_RELAY);
    assert_true(o.help);
}

static void wrong_command_lines(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"udp:127.0.0.1:5060", "'udp:127.0.0.1:5060' was not expected"},
        {"--lisen udp:127.0.0.1:5060", "there is no setting 'lisen'; did you mean 'listen'?"},
        {"--domian x", "did you mean 'domain'?"},
        {"--register-mn 70", "did you mean 'register-min'?"},
        {"--bogus x", "there is no setting 'bogus'; there are data, listen, "},
        {"--listen", "--listen needs a value"},
        {"--listen 127.0.0.1:5060", "listen: '127.0.0.1:5060' will not do, udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT was expected"},
        {"--listen ws:127.0.0.1:5061", "will not do"},
        {"--tls-cert a.pem", "tls-cert is said without tls-key"},
        {"--tls-key a.pem", "tls-key is said without tls-cert"},
        {"--listen udp:nowhere:5060", "will not do"},
        {"--listen udp:127.0.0.1:70000", "will not do"},
        {"--workers 0", "a number from 1 to 64 was expected"},
        {"--workers 65", "a number from 1 to 64"},
        {"--workers some", "a number from 1 to 64"},
        {"--auth maybe", "digest or none was expected"},
        {"--digest sha1", "auto, md5, sha-256 or both was expected"},
        {"--relay perhaps", "yes or no"}, {"--transfer perhaps", "accept, relay or execute"},
        {"--register-min 0", "seconds"},
        {"--register-min 900 --register-max 60", "register-min is larger than register-max"},
        {"--session-timer 60", "seconds, 90 or more"},
        {"--session-timer 600 --session-min 900", "session-min is larger than session-timer"},
        {"--domain sip:a@b", "domain"},
        {"--realm a\"b", "realm"},
        {"--log shout", "log"},
        {"--auth none", "loopback"},
        {"--auth none --listen udp:127.0.0.1:5060 --listen udp:10.0.0.1:5060", "loopback"},
    };
    struct serve_options o;
    struct options_fault f;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_line(&o, cases[i].line, &f), ERR_INVALID);
        assert_says(&f, cases[i].says);
    }
    assert_int_equal(read_line(&o, "--auth none --listen udp:127.0.0.1:5060 --listen tcp:[::1]:5060", &f), ERR_OK);
    assert_true(o.open_house);
}

static void too_many(void **state)
{
    struct serve_options o = {.n_listen = 0};
    struct options_fault f;

    (void)state;
    for (int i = 0; i < OPTIONS_MAX_LISTEN; i++)
        assert_int_equal(serve_options_set(&o, "listen", "udp:127.0.0.1:5060", &f), ERR_OK);
    assert_int_equal(serve_options_set(&o, "listen", "udp:127.0.0.1:5060", &f), ERR_LIMIT);
    assert_says(&f, "too many");
    for (int i = 0; i < DIRECTORY_MAX_DOMAINS; i++)
        assert_int_equal(serve_options_set(&o, "domain", "a.example", &f), ERR_OK);
    assert_int_equal(serve_options_set(&o, "domain", "a.example", &f), ERR_LIMIT);
}

static void a_file(void **state)
{
    struct serve_options o;
    struct options_fault f;

    (void)state;
    assert_int_equal(read_file(&o,
                               "# our office\n\nlisten = udp:127.0.0.1:5070\nlisten=tcp:127.0.0.1:5070\n"
                               "domain = a.example\ndomain = b.example ; the old name\nrealm = file\nworkers = 2\n",
                               "", &f),
                     ERR_OK);
    assert_int_equal(o.n_listen, 2);
    assert_listens(&o, 1, TRANSPORT_TCP, "127.0.0.1:5070");
    assert_int_equal(o.n_domains, 2);
    assert_string_equal(o.domain[1], "b.example");
    assert_string_equal(o.realm, "file");
    assert_int_equal(o.workers, 2);
}

/* The command line wins, also over the file's lists as a whole. */
static void the_command_line_wins(void **state)
{
    struct serve_options o;
    struct options_fault f;

    (void)state;
    assert_int_equal(read_file(&o, "listen = udp:127.0.0.1:5070\ndomain = a.example\ndomain = b.example\nrealm = file\nworkers = 2\n",
                               "--listen tcp:127.0.0.1:5080 --listen udp:127.0.0.1:5080 --domain c.example --realm line", &f),
                     ERR_OK);
    assert_int_equal(o.n_listen, 2);
    assert_listens(&o, 0, TRANSPORT_TCP, "127.0.0.1:5080");
    assert_int_equal(o.n_domains, 1);
    assert_string_equal(o.domain[0], "c.example");
    assert_string_equal(o.realm, "line");
    assert_int_equal(o.workers, 2);
}

static void wrong_files(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"realm = a\n\nlisten = udp:127.0.0.1:5070\ndomian = b\n", "line 4: there is no setting 'domian'; did you mean 'domain'?"},
        {"workers = many\n", "line 1: workers: 'many' will not do, a number from 1 to 64 was expected"},
        {"realm = a\n[office]\nrealm = b\n", "line 2: section [office] was not expected"},
        {"[office]\nrealm = b\n", "line 1: section [office] was not expected"},
        {"\xef\xbb\xbf[office]\r\n# nothing in it\r\n", "line 1: section [office] was not expected"},
        {"realm = a\nworkers = many\n[office]\n", "line 2: workers"},
        {"realm = a\njust words\nworkers = many\n", "line 2: KEY = VALUE was expected"},
        {"realm = a\njust words\n", "line 2: KEY = VALUE was expected"},
        {"listen udp:127.0.0.1:5060\n", "line 1: KEY = VALUE was expected"}, /* inih takes ':' for '=' */
        {"\xff\x1b[31m = x\n", "line 1: there is no setting '\\xff\\x1b[31m'; there are data, listen, "},
        {"config = /tmp/other\n", "line 1: config cannot be set in a configuration file"},
        {"realm =\n", "line 1: realm"},
    };
    struct serve_options o;
    struct options_fault f;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_file(&o, cases[i].text, "", &f), ERR_SYNTAX);
        assert_says(&f, cases[i].says);
        assert_says(&f, "/tmp/strowger-options-"); /* which file */
    }
    assert_int_equal(read_line(&o, "--config /tmp/strowger-is-not-there.conf", &f), ERR_IO);
    assert_says(&f, "/tmp/strowger-is-not-there.conf cannot be read: No such file");
    assert_int_equal(read_line(&o, "--config /tmp", &f), ERR_IO);
    assert_says(&f, "/tmp is a folder; a file of KEY = VALUE lines was expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said),        cmocka_unit_test(everything_said), cmocka_unit_test(wrong_command_lines),
        cmocka_unit_test(too_many),            cmocka_unit_test(a_file),          cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(wrong_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
