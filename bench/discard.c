/*
 * A server that answers from files and keeps nothing: bodies of requests are dropped in the kernel (MSG_TRUNC), so that
 * who sends them is what is measured. usage: discard PORT ROUTES
 *
 * ROUTES has a line for each answer, "METHOD PATH STATUS FILE": the first whose method and path (without query) are
 * those of the request is given. Whatever is not there is 404.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ROOM = 128 * 1024, AT_ONCE = 8 * 1024 * 1024, ROUTES = 64 };

struct route {
  char method[16], path[256], status[8];
  char *body;
  size_t length;
};

static struct route routes[ROUTES];
static int known;

struct peer {
  int socket;
  char text[ROOM];
  size_t from, to;
};

static char *whole(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*length + 1);
  if (fread(text, 1, *length, file) != *length) exit(1);
  fclose(file);
  return text;
}

static void read_routes(const char *path) {
  FILE *file = fopen(path, "r");
  char name[1024];
  if (!file) { perror(path); exit(1); }
  while (known < ROUTES) {
    struct route *one = &routes[known];
    if (fscanf(file, "%15s %255s %7s %1023s", one->method, one->path, one->status, name) != 4) break;
    one->body = whole(name, &one->length);
    known += 1;
  }
  fclose(file);
}

/* More of what the peer says; 0 when it has gone. */
static int more(struct peer *p) {
  if (p->from > 0) {
    memmove(p->text, p->text + p->from, p->to - p->from);
    p->to -= p->from;
    p->from = 0;
  }
  if (p->to == ROOM) return 0;
  /* Little at a time: the rest of a body is then still in the kernel, where it costs least to drop. */
  size_t room = ROOM - p->to;
  ssize_t n = recv(p->socket, p->text + p->to, room < 1024 ? room : 1024, 0);
  if (n <= 0) return 0;
  p->to += (size_t)n;
  return 1;
}

static char *line(struct peer *p) {
  for (;;) {
    char *end = memmem(p->text + p->from, p->to - p->from, "\r\n", 2);
    if (end) {
      char *start = p->text + p->from;
      *end = 0;
      p->from = (size_t)(end - p->text) + 2;
      return start;
    }
    if (!more(p)) return NULL;
  }
}

static int drop(struct peer *p, unsigned long long bytes) {
  size_t have = p->to - p->from;
  if (have >= bytes) { p->from += bytes; return 1; }
  bytes -= have;
  p->from = p->to = 0;
  while (bytes > 0) {
    ssize_t n = recv(p->socket, NULL, bytes < AT_ONCE ? bytes : AT_ONCE, MSG_TRUNC);
    if (n <= 0) return 0;
    bytes -= (size_t)n;
  }
  return 1;
}

static int drop_chunks(struct peer *p) {
  for (;;) {
    char *size = line(p);
    if (!size) return 0;
    unsigned long long bytes = strtoull(size, NULL, 16);
    if (bytes == 0) return line(p) != NULL;
    if (!drop(p, bytes + 2)) return 0;
  }
}

static int all(int socket, const char *text, size_t length) {
  while (length > 0) {
    ssize_t n = send(socket, text, length, MSG_NOSIGNAL);
    if (n <= 0) return 0;
    text += n;
    length -= (size_t)n;
  }
  return 1;
}

static int answer(struct peer *p, const char *method, const char *path) {
  struct route none = {.status = "404", .body = "", .length = 0}, *found = &none;
  for (int i = known - 1; i >= 0; i -= 1)
    if (!strcmp(routes[i].method, method) && !strcmp(routes[i].path, path)) found = &routes[i];
  char head[256];
  int has_body = strcmp(found->status, "204") != 0, is_head = !strcmp(method, "HEAD");
  int n = has_body ? snprintf(head, sizeof head, "HTTP/1.1 %s Said\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", found->status, found->length)
                   : snprintf(head, sizeof head, "HTTP/1.1 204 Said\r\n\r\n");
  return all(p->socket, head, (size_t)n) && (!has_body || is_head || all(p->socket, found->body, found->length));
}

static void *converse(void *given) {
  struct peer *p = given;
  int on = 1;
  setsockopt(p->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  for (;;) {
    char method[16], path[256], *text = line(p);
    if (!text || sscanf(text, "%15s %255[^? ]", method, path) != 2) break;
    unsigned long long length = 0;
    int chunked = 0, expects = 0, last = 0;
    while ((text = line(p)) && *text) {
      if (!strncasecmp(text, "content-length:", 15)) length = strtoull(text + 15, NULL, 10);
      else if (!strncasecmp(text, "transfer-encoding:", 18)) chunked = 1;
      else if (!strncasecmp(text, "expect:", 7)) expects = 1;
      else if (!strcasecmp(text, "connection: close")) last = 1;
    }
    if (!text) break;
    if (expects && !all(p->socket, "HTTP/1.1 100 Continue\r\n\r\n", 25)) break;
    if (!(chunked ? drop_chunks(p) : drop(p, length))) break;
    if (!answer(p, method, path) || last) break;
  }
  close(p->socket);
  free(p);
  return NULL;
}

int main(int count, char **words) {
  if (count != 3) { fputs("usage: discard PORT ROUTES\n", stderr); return 2; }
  signal(SIGPIPE, SIG_IGN);
  read_routes(words[2]);
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[1]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 512)) { perror("discard"); return 1; }
  for (;;) {
    int socket = accept(listener, NULL, NULL);
    if (socket < 0) continue;
    struct peer *p = calloc(1, sizeof *p);
    pthread_t thread;
    p->socket = socket;
    pthread_create(&thread, NULL, converse, p);
    pthread_detach(thread);
  }
}
