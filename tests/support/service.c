/* A service whose behaviour is in its marker, `<name> <version> <behaviour>`, or in BEHAVIOUR: see service_world.py. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char marker[256] __attribute__((used)) = "HERO-BUILD-TEST-MARKER\n";
static char path[512];
static long started;
static long stop_after;

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void end(int number) {
    (void)number;
    if (stop_after > 0) {
        if (write(1, "stopping\n", 9)) {}
        nap(stop_after);
        if (write(1, "stopped cleanly\n", 16)) {}
    }
    if (*path) unlink(path);
    _exit(0);
}

static void write_all(int out, const char *data, size_t size) {
    while (size) {
        ssize_t sent = write(out, data, size);
        if (sent <= 0) return;
        data += sent, size -= (size_t)sent;
    }
}

/* The number after `word:` in the behaviour; -1: it does not have the word. */
static long value(const char *behaviour, const char *word) {
    const char *at = strstr(behaviour, word);
    if (!at) return -1;
    at += strlen(word);
    return *at == ':' ? atol(at + 1) : 0;
}

static void find_path(const char *name) {
    char app[128];
    const char *folder = getenv("HERO_SOCKET_DIR"), *instance = getenv("HERO_INSTANCE");
    const char *suffix = strrchr(name, '_');
    const char *socket_name = suffix && !strcmp(suffix, "_admin") ? "admin" : suffix && !strcmp(suffix, "_web") ? "web" : "rpc";
    snprintf(app, sizeof app, "%.*s", (int)(suffix ? suffix - name : (long)strlen(name)), name);
    snprintf(path, sizeof path, "%s/%s%s%s", folder ? folder : "/tmp", app, instance ? "/" : "", instance ? instance : "");
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s.sock", socket_name);
}

/* A program that is named as its app, and has two sockets, as hero_router: this process the one, a child the other. */
static void find_two_paths(const char *name) {
    pid_t parent = getpid(), child = fork();
    if (!child && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)) _exit(0);
    snprintf(path, sizeof path, "%s/%s/%s.sock", getenv("HERO_SOCKET_DIR"), name, child ? "rpc" : "service");
}

static int bound(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (bind(line, (struct sockaddr *)&address, sizeof address) || listen(line, 64)) {
        fprintf(stderr, "cannot bind %s: %s\n", path, strerror(errno));
        _exit(4);
    }
    return line;
}

/* Whether the file `gate` is beside the socket. */
static int gate_is_open(int take) {
    char gate[512];
    snprintf(gate, sizeof gate, "%.*s/gate", (int)(strrchr(path, '/') - path), path);
    return !(take ? unlink(gate) : access(gate, F_OK));
}

/* Whether app/rpc.sock accepts a connection. */
static int app_answers(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/app/rpc.sock", getenv("HERO_SOCKET_DIR"));
    int failed = connect(line, (struct sockaddr *)&address, sizeof address);
    close(line);
    return !failed;
}

static void answer(int line, const char *behaviour) {
    char request[4096], head[256];
    struct timeval limit = {5, 0};
    setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (value(behaviour, "close") >= 0) return;
    if (read(line, request, sizeof request) <= 0) return;
    if (value(behaviour, "slow") >= 0) nap(value(behaviour, "slow"));
    if (value(behaviour, "garbage") >= 0) { write_all(line, "SSH-2.0-not-http\r\n", 18); return; }
    long status = value(behaviour, "status"), big = value(behaviour, "big");
    if (value(behaviour, "needs-app") >= 0 && !app_answers()) status = 503;
    const char *body = "{\"status\":\"ok\"}";
    snprintf(head, sizeof head, "HTTP/1.1 %ld X\r\nContent-Length: %ld\r\nConnection: close\r\n\r\n",
             status > 0 ? status : 200, big > 0 ? big << 20 : (long)strlen(body));
    write_all(line, head, strlen(head));
    if (big <= 0) { write_all(line, body, strlen(body)); return; }
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    for (long at = 0; at < big; at++) write_all(line, block, sizeof block);
}

static void serve(const char *behaviour) {
    long after = value(behaviour, "exit-after");
    int line = value(behaviour, "never-bind") >= 0 ? -1 : bound();
    for (;;) {
        if (after >= 0 && now() - started >= after) { fprintf(stderr, "giving up\n"); if (*path) unlink(path); _exit(3); }
        if (value(behaviour, "exit-at-gate") >= 0 && gate_is_open(1)) { fprintf(stderr, "giving up\n"); unlink(path); _exit(3); }
        if (line < 0) { nap(20); continue; }
        fd_set set;
        struct timeval wait = {0, 20000};
        FD_ZERO(&set);
        FD_SET(line, &set);
        if (select(line + 1, &set, NULL, NULL, &wait) <= 0) continue;
        int client = accept4(line, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        answer(client, behaviour);
        close(client);
    }
}

int main(int count, char **words) {
    char name[128] = "", version[64] = "", own[128] = "";
    started = now();
    sscanf(marker, "%127s %63s %127s", name, version, own);
    if (count > 1 && !strcmp(words[1], "--version")) { printf("%s %s\n", name, version); return 0; }
    const char *behaviour = getenv("BEHAVIOUR") ? getenv("BEHAVIOUR") : own;
    stop_after = value(behaviour, "stop-after");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, value(behaviour, "ignore-term") >= 0 ? SIG_IGN : end);
    signal(SIGINT, end);
    printf("%s %s starts\n", name, version);
    fflush(stdout);
    if (value(behaviour, "two-sockets") >= 0) find_two_paths(name); else find_path(name);
    if (value(behaviour, "ugly") >= 0) write_all(1, "\x1b[31mred\x1b[0m\0nul \xe2\x82 half\n", 25);
    for (long left = value(behaviour, "flood"); left > 0; left--) {
        static char block[1 << 20];
        memset(block, 'y', sizeof block), block[sizeof block - 1] = '\n';
        write_all(1, block, sizeof block);
    }
    if (value(behaviour, "env") >= 0) for (char **entry = environ; *entry; entry++) printf("env %s\n", *entry);
    fflush(stdout);
    if (value(behaviour, "exit:") >= 0 || strstr(behaviour, "exit:")) { fprintf(stderr, "I cannot run\n"); return atoi(strstr(behaviour, "exit:") + 5); }
    if (value(behaviour, "bind-after") > 0) nap(value(behaviour, "bind-after"));
    if (!strcmp(behaviour, "bind-at-gate")) while (!gate_is_open(0)) nap(20);
    if (value(behaviour, "fork") >= 0 && fork()) return 0;
    if (value(behaviour, "once") >= 0) return 0;
    serve(behaviour);
}
