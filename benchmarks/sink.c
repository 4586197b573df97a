/* A mail server that takes everything and keeps nothing but counts: for the benchmarks, and faster than any sender.

   sink [certificate.pem key.pem]   listens on two free ports of 127.0.0.1, the second with TLS from the first byte where a
   certificate is given (compiled without -DWITHOUT_TLS), and prints {"port": …, "tls_port": …}.
   On standard input: "rtt MS" holds every answer back that long, "zero" forgets, "stat" prints the counts since then
   (and when the first and the last message came), the end of input ends it.

   Recipients are r<number>@…; a message must carry "To: <its recipient>" in its first 4 KB. It is taken to end where MAIL's
   SIZE says, if a lone dot stands there; one message in 64, and all others, are searched for the first lone dot. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifndef WITHOUT_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
static SSL_CTX *tls_context;
#else
typedef void SSL;
#endif

#define CAPACITY (1 << 20)
#define RECIPIENTS (1 << 22)
#define ANSWERS 8192

struct answer { double due; size_t end; };

struct connection {
  int fd, in_data, has_sender, has_recipient, is_first, is_over;
  SSL *tls;
  char *in, recipient[256];
  size_t have, searched, declared;
  char out[ANSWERS];
  size_t out_from, out_to;
  struct answer held[256];
  unsigned held_from, held_to;
  struct connection *next;
};

static struct connection *all;
static double rtt, first_at, last_at;
static unsigned long long messages, bytes, duplicates, mismatches, hasty, refused, connections;
static unsigned char seen[RECIPIENTS];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1e-6 * (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void say(struct connection *c, const char *text) {
  size_t length = strlen(text);
  if (c->out_to + length > ANSWERS) { c->is_over = 1; return; }
  memcpy(c->out + c->out_to, text, length);
  c->out_to += length;
}

/* Send what is due; what is held back for later is sent by the main loop. */
static void flush_answers(struct connection *c, double t) {
  size_t end = c->out_to;
  if (rtt > 0) {
    end = c->out_from;
    while (c->held_from != c->held_to && c->held[c->held_from % 256].due <= t) end = c->held[c->held_from++ % 256].end;
  }
  while (c->out_from < end) {
    ssize_t sent;
#ifndef WITHOUT_TLS
    if (c->tls) sent = SSL_write(c->tls, c->out + c->out_from, (int)(end - c->out_from));
    else
#endif
      sent = send(c->fd, c->out + c->out_from, end - c->out_from, MSG_NOSIGNAL);
    if (sent <= 0) { c->is_over = 1; return; }
    c->out_from += (size_t)sent;
  }
  if (c->out_from == c->out_to) c->out_from = c->out_to = 0, c->held_from = c->held_to = 0;
}

static void hold(struct connection *c, size_t before) {
  if (rtt > 0 && c->out_to > before) {
    if (c->held_to - c->held_from >= 256) { c->is_over = 1; return; }
    c->held[c->held_to++ % 256] = (struct answer){now() + rtt, c->out_to};
  }
}

static void take_message(struct connection *c, const char *body, size_t length) {
  char to[300];
  int n = snprintf(to, sizeof to, "To: %s\r\n", c->recipient);
  last_at = now();
  if (!messages++) first_at = last_at;
  bytes += length;
  if (!memmem(body, length < 4096 ? length : 4096, to, (size_t)n)) mismatches++;
  long number = c->recipient[0] == 'r' ? strtol(c->recipient + 1, NULL, 10) : -1;
  if (number < 0 || number >= RECIPIENTS) mismatches++;
  else if (seen[number]++) duplicates++;
  c->has_sender = c->has_recipient = 0;
  c->declared = 0;
  say(c, "250 2.0.0 Kept\r\n");
}

static void obey(struct connection *c, const char *line, size_t length, size_t behind) {
  if (!strncasecmp(line, "MAIL FROM:", 10)) {
    const char *size = memmem(line, length, "SIZE=", 5);
    if (!size) size = memmem(line, length, "size=", 5);
    c->declared = size ? strtoul(size + 5, NULL, 10) : 0;
    c->has_sender = 1;
    say(c, "250 2.1.0 OK\r\n");
  } else if (!strncasecmp(line, "RCPT TO:", 8)) {
    const char *from = memchr(line, '<', length), *to = memchr(line, '>', length);
    if (!c->has_sender || !from || !to || to - from > 255) { refused++; say(c, "503 5.5.1 No\r\n"); return; }
    memcpy(c->recipient, from + 1, (size_t)(to - from - 1));
    c->recipient[to - from - 1] = 0;
    c->has_recipient = 1;
    say(c, "250 2.1.5 OK\r\n");
  } else if (!strncasecmp(line, "DATA", 4)) {
    if (behind) hasty++;
    if (!c->has_recipient) { refused++; say(c, "503 5.5.1 No\r\n"); return; }
    c->in_data = 1;
    c->searched = 0;
    say(c, "354 Go on\r\n");
  } else if (!strncasecmp(line, "EHLO", 4)) {
    say(c, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 50000000\r\n");
  } else if (!strncasecmp(line, "QUIT", 4)) {
    say(c, "221 2.0.0 Bye\r\n");
    c->is_over = 2;
  } else {
    say(c, "250 2.0.0 OK\r\n");
  }
}

static void read_on(struct connection *c) {
  size_t at = 0, before = c->out_to;
  while (at < c->have && !c->is_over) {
    char *from = c->in + at;
    size_t length = c->have - at;
    if (!c->in_data) {
      char *end = memmem(from, length, "\r\n", 2);
      if (!end) break;
      *end = 0;
      at += (size_t)(end - from) + 2;
      obey(c, from, (size_t)(end - from), c->have - at);
      continue;
    }
    size_t said = c->declared, ends = 0;
    if (said && messages % 64) {
      if (length < said + 3) break;
      if (!memcmp(from + said - 2, "\r\n.\r\n", 5)) ends = said;
      else c->declared = 0;
    }
    if (!ends) {
      size_t start = c->searched > 4 ? c->searched - 4 : 0;
      char *dot = memmem(from + start, length - start, "\r\n.\r\n", 5);
      c->searched = length;
      if (!dot) break;
      ends = (size_t)(dot - from) + 2;
    }
    c->in_data = 0;
    take_message(c, from, ends);
    at += ends + 3;
  }
  memmove(c->in, c->in + at, c->have - at);
  c->have -= at;
  if (c->have == CAPACITY) c->is_over = 1;
  hold(c, before);
}

static void receive(struct connection *c) {
  for (int turn = 0; turn < 4 && !c->is_over; turn++) {
    ssize_t got;
#ifndef WITHOUT_TLS
    if (c->tls) {
      got = SSL_read(c->tls, c->in + c->have, (int)(CAPACITY - c->have));
      if (got <= 0) {
        if (SSL_get_error(c->tls, (int)got) != SSL_ERROR_WANT_READ) c->is_over = 1;
        ERR_clear_error();
        break;
      }
      turn = 0; /* what OpenSSL holds is not announced again */
    } else
#endif
    {
      got = recv(c->fd, c->in + c->have, CAPACITY - c->have, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) { c->is_over = 1; break; }
    }
    c->have += (size_t)got;
    read_on(c);
  }
}

static void welcome(int poll, int listener, int with_tls) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct connection *c = calloc(1, sizeof *c);
  c->fd = fd;
  c->in = malloc(CAPACITY);
  c->next = all;
  all = c;
  connections++;
#ifndef WITHOUT_TLS
  if (with_tls) {
    c->tls = SSL_new(tls_context);
    SSL_set_fd(c->tls, fd);
    SSL_set_accept_state(c->tls);
  }
#else
  (void)with_tls;
#endif
  c->is_first = 1;
  struct epoll_event event = {EPOLLIN, {.ptr = c}};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  if (!with_tls) { say(c, "220 sink\r\n"); hold(c, 0); c->is_first = 0; flush_answers(c, now()); }
}

/* Carry on with a handshake; 1 when it is done. */
static int shake_hands(struct connection *c) {
#ifndef WITHOUT_TLS
  int done = SSL_do_handshake(c->tls);
  if (done != 1) {
    if (SSL_get_error(c->tls, done) != SSL_ERROR_WANT_READ) c->is_over = 1;
    ERR_clear_error();
    return 0;
  }
  c->is_first = 0;
  say(c, "220 sink\r\n");
  hold(c, 0);
#else
  (void)c;
#endif
  return 1;
}

static int listen_somewhere(int *port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (void *)&address, sizeof address) || listen(fd, 1024)) exit(1);
  getsockname(fd, (void *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

static void told(char *line, double *cpu_before) {
  if (!strncmp(line, "rtt ", 4)) rtt = atof(line + 4) / 1000;
  else if (!strncmp(line, "zero", 4)) {
    messages = bytes = duplicates = mismatches = hasty = refused = connections = 0;
    first_at = last_at = 0;
    memset(seen, 0, sizeof seen);
    *cpu_before = cpu();
  } else if (!strncmp(line, "stat", 4)) {
    printf("{\"messages\": %llu, \"bytes\": %llu, \"duplicates\": %llu, \"mismatches\": %llu, \"hasty\": %llu, "
           "\"refused\": %llu, \"connections\": %llu, \"cpu_s\": %.6f, \"first_at_s\": %.6f, \"last_at_s\": %.6f}\n",
           messages, bytes, duplicates, mismatches, hasty, refused, connections, cpu() - *cpu_before, first_at, last_at);
    fflush(stdout);
  }
}

int main(int count, char **words) {
  int port, tls_port = 0, plain = listen_somewhere(&port), tls = -1, poll = epoll_create1(0);
  static int plain_mark, tls_mark, input_mark;
  double cpu_before = cpu();
#ifndef WITHOUT_TLS
  if (count > 2) {
    tls_context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_read_ahead(tls_context, 1);
    SSL_CTX_set_default_read_buffer_len(tls_context, 1 << 17);
    if (SSL_CTX_use_certificate_chain_file(tls_context, words[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, words[2], SSL_FILETYPE_PEM) != 1) return 1;
    tls = listen_somewhere(&tls_port);
    epoll_ctl(poll, EPOLL_CTL_ADD, tls, &(struct epoll_event){EPOLLIN, {.ptr = &tls_mark}});
  }
#else
  (void)count; (void)words;
#endif
  epoll_ctl(poll, EPOLL_CTL_ADD, plain, &(struct epoll_event){EPOLLIN, {.ptr = &plain_mark}});
  epoll_ctl(poll, EPOLL_CTL_ADD, 0, &(struct epoll_event){EPOLLIN, {.ptr = &input_mark}});
  printf("{\"port\": %d, \"tls_port\": %d}\n", port, tls_port);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    double t = now(), next = -1;
    if (rtt > 0)
      for (struct connection *c = all; c; c = c->next)
        if (c->held_from != c->held_to && (next < 0 || c->held[c->held_from % 256].due < next))
          next = c->held[c->held_from % 256].due;
    double left = next < 0 ? 0 : next > t ? next - t : 0;
    struct timespec wait = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
    int ready = epoll_pwait2(poll, events, 64, next < 0 ? NULL : &wait, NULL);
    for (int i = 0; i < ready; i++) {
      void *what = events[i].data.ptr;
      if (what == &plain_mark) welcome(poll, plain, 0);
      else if (what == &tls_mark) welcome(poll, tls, 1);
      else if (what == &input_mark) {
        char line[64];
        ssize_t length = read(0, line, sizeof line - 1);
        if (length <= 0) return 0;
        line[length] = 0;
        for (char *rest = NULL, *word = strtok_r(line, "\n", &rest); word; word = strtok_r(NULL, "\n", &rest))
          told(word, &cpu_before);
      } else {
        struct connection *c = what;
        if (c->is_over || (c->is_first && !shake_hands(c))) continue;
        receive(c);
        flush_answers(c, now());
      }
    }
    t = now();
    for (struct connection **at = &all; *at;) {
      struct connection *c = *at;
      if (rtt > 0 && c->is_over != 1) flush_answers(c, t);
      if (c->is_over == 1 || (c->is_over == 2 && c->out_from == c->out_to)) {
        *at = c->next;
#ifndef WITHOUT_TLS
        if (c->tls) SSL_free(c->tls);
#endif
        close(c->fd);
        free(c->in);
        free(c);
      } else at = &c->next;
    }
  }
}
