/* A service that is ready at once: listens on $HERO_SOCKET_DIR/<app>/{rpc,admin}.sock and answers GET /health. Its
   program's name, <app>_server or <app>_admin, says which. BENCH_VERSION makes two versions of it differ. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};
const char version[] = BENCH_VERSION;

static void end(int number) {
    (void)number;
    unlink(address.sun_path);
    _exit(0);
}

int main(int count, char **words) {
    (void)count;
    const char *name = strrchr(words[0], '/') ? strrchr(words[0], '/') + 1 : words[0];
    const char *kind = strrchr(name, '_');
    const char *folder = getenv("HERO_SOCKET_DIR");
    if (!kind || !folder) return 2;
    char own[80];
    snprintf(own, sizeof own, "%.*s", (int)(kind - name), name);
    size_t room = sizeof address.sun_path;
    snprintf(address.sun_path, room, "%s/%s", folder, own);
    mkdir(folder, 0755);
    mkdir(address.sun_path, 0755);
    snprintf(address.sun_path, room, "%s/%s/%s.sock", folder, own, strcmp(kind, "_admin") ? "rpc" : "admin");
    unlink(address.sun_path);
    signal(SIGTERM, end);
    signal(SIGPIPE, SIG_IGN);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 128)) return 1;
    for (;;) {
        int client = accept(server, 0, 0);
        char request[4096];
        if (client < 0) continue;
        if (read(client, request, sizeof request) > 0)
            dprintf(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        close(client);
    }
}
