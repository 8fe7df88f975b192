// The one client of all contenders of `script/bench peers`: POST /v1/positions?wait=terminal over
// kept connections. Plain C, so that it takes as little as can be of the cores that it shares with
// the servers, is there after a second of `cc`, and has nothing of any contender in it.
//
// `client port=8080 walks=FILE batch=1 rate=0 warm=1 seconds=5 connections=64 pipeline=1 seed=1
// new_players=1 late=5 acks=FILE`
//
// With a rate it is an open loop: a request is due at its moment whatever the answers do, waits for
// a connection if none is free, and its latency counts from that moment. With rate=0 each
// connection has `pipeline` requests under way all the time, which is as fast as a server goes.
// It works in turns of 0.1 ms, in which it reads all that came and sends all that is due: a latency
// is at most that much too long. `walks` has positions of 8 bytes (player, x, y), which begin anew
// when they are used up, with other players if `new_players`. Each position that was granted is
// written to `acks` at the end: seed, player, x, y in 12 bytes.
//
// Prints lines of JSON: {"began"}, {"second"} each second, {"ended"} when nothing is due any more,
// and {"report"} `late` seconds afterwards at the latest. Counts are of what was due (with rate=0:
// answered) in the seconds between; the time to warm up before is left out.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  connections_max = 1024,
  pipeline_max = 256,
  batch_max = 1000,
  position_bytes_max = 96,  // as JSON
  head_bytes_max = 256,     // of a request, and what stands around its positions
  answer_bytes_max = 1 << 20,
  turn_ns = 100 * 1000,
  octave = 32,  // steps of the histogram in each doubling
  buckets = 48 * octave,
};
static const int64_t second_ns = 1000 * 1000 * 1000;

typedef struct {
  uint32_t player;
  int16_t x, y;
} Position;

typedef struct {
  uint32_t seed, player;
  int16_t x, y;
} Ack;

typedef struct {
  int64_t due_ns;
  uint64_t first;  // of its positions, counted from the beginning of the run
} Request;

typedef struct {
  int fd;
  Request waiting[pipeline_max];  // a ring: the answers come in order
  int first, count;
  bool is_dirty;  // has something to send
  bool waits_for_room;
  char *out, *in;
  size_t out_bytes, out_room, in_bytes;
} Connection;

typedef struct {
  uint64_t due, ok, failed, granted, sold_out, requests, answers;
  uint64_t latency[buckets];
  int64_t latency_max_ns;
} Counts;

static struct {
  int port, batch, connections, pipeline, new_players;
  double rate, warm, seconds, late;
  uint32_t seed;
  const char *walks, *acks;
} flags = {.batch = 1,
           .connections = 64,
           .pipeline = 1,
           .new_players = 1,
           .seconds = 5,
           .late = 5,
           .seed = 1};

static Position* walks;
static size_t walks_count;
static Ack* acks;
static size_t acks_count, acks_room;
static Connection* connections[connections_max];
static int free_ring[connections_max];  // of those that can take a request
static int free_first, free_count;
static int dirty[connections_max], dirty_count;
static int poller;
static uint64_t next_position, reconnects, sent_bytes, received_bytes;
static int64_t start_ns, began_ns, ended_ns;
static Counts counts;

static void fail(const char* what) {
  fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * second_ns + at.tv_nsec;
}

static double cpu_s(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static bool is_in_window(int64_t at) {
  return at >= began_ns && at < ended_ns;
}

static void connect_to_server(int i) {
  Connection* one = connections[i];
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)flags.port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int on = 1;
  one->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (one->fd < 0 || connect(one->fd, (struct sockaddr*)&to, sizeof to) != 0) fail("connect");
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, one->fd, &event) != 0) fail("epoll_ctl");
  one->in_bytes = one->out_bytes = 0;
  one->first = one->count = 0;
  one->waits_for_room = false;
}

static void make_free(int i) {
  free_ring[(free_first + free_count++) % connections_max] = i;
}

// ---- requests ----------------------------------------------------------------------------------

static const char hex[] = "0123456789abcdef";

static uint32_t seed_of(uint64_t index) {
  return flags.seed + (flags.new_players ? (uint32_t)(index / walks_count) : 0);
}

static char* write_hex(char* to, uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value >>= 4) to[i] = hex[value & 15];
  return to + digits;
}

static char* write_text(char* to, const char* text, size_t bytes) {
  memcpy(to, text, bytes);
  return to + bytes;
}
#define WRITE(to, text) write_text(to, text, sizeof(text) - 1)

static char* write_number(char* to, int value) {
  char digits[8];
  int count = 0;
  if (value < 0) *to++ = '-';
  for (unsigned left = (unsigned)abs(value); count == 0 || left > 0; left /= 10) {
    digits[count++] = (char)('0' + left % 10);
  }
  while (count > 0) *to++ = digits[--count];
  return to;
}

static char* write_position(char* to, uint64_t index) {
  const Position* at = &walks[index % walks_count];
  to = WRITE(to, "{\"player\":\"00000000-0000-4000-8000-");
  to = write_hex(to, seed_of(index) & 0xffff, 4);
  to = write_hex(to, at->player, 8);
  to = WRITE(to, "\",\"x\":");
  to = write_number(to, at->x);
  to = WRITE(to, ",\"y\":");
  to = write_number(to, at->y);
  return WRITE(to, "}");
}

static char* write_request(char* to, uint64_t first) {
  static char body[head_bytes_max + batch_max * position_bytes_max];
  char* end = WRITE(body, "{\"world\":1,\"positions\":[");
  for (int i = 0; i < flags.batch; ++i) {
    if (i > 0) *end++ = ',';
    end = write_position(end, first + (uint64_t)i);
  }
  end = WRITE(end, "]}");
  to = WRITE(to,
             "POST /v1/positions?wait=terminal HTTP/1.1\r\nHost: 127.0.0.1\r\n"
             "Content-Type: application/json\r\nContent-Length: ");
  to = write_number(to, (int)(end - body));
  to = WRITE(to, "\r\n\r\n");
  return write_text(to, body, (size_t)(end - body));
}

static void send_out(int i) {
  Connection* one = connections[i];
  const ssize_t done = send(one->fd, one->out, one->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (done < 0 && errno != EAGAIN) return;  // the read will see that it is gone
  const size_t sent = done < 0 ? 0 : (size_t)done;
  sent_bytes += sent;
  one->out_bytes -= sent;
  memmove(one->out, one->out + sent, one->out_bytes);
  if (one->waits_for_room != (one->out_bytes > 0)) {
    one->waits_for_room = one->out_bytes > 0;
    struct epoll_event event = {.events = EPOLLIN | (one->waits_for_room ? EPOLLOUT : 0),
                                .data.u32 = (uint32_t)i};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, one->fd, &event) != 0) fail("epoll_ctl");
  }
}

// One request to the connection that is free the longest.
static void ask(int64_t due_ns) {
  const int i = free_ring[free_first];
  free_first = (free_first + 1) % connections_max;
  free_count -= 1;
  Connection* one = connections[i];
  one->waiting[(one->first + one->count++) % pipeline_max] =
      (Request){.due_ns = due_ns, .first = next_position};
  one->out_bytes = (size_t)(write_request(one->out + one->out_bytes, next_position) - one->out);
  next_position += (uint64_t)flags.batch;
  if (!one->is_dirty) dirty[dirty_count++] = i;
  one->is_dirty = true;
  if (one->count < flags.pipeline) make_free(i);
}

// ---- answers -----------------------------------------------------------------------------------

static int bucket_of(int64_t ns) {
  const uint64_t value = ns < octave ? octave : (uint64_t)ns;
  const int top = 63 - __builtin_clzll(value);
  return (top - 5) * octave + (int)(value >> (top - 5)) - octave;
}

static double bucket_end_ms(int bucket) {
  return 1e-6 * (double)((uint64_t)(octave + bucket % octave + 1) << (bucket / octave));
}

static void take_latency(int64_t ns, uint64_t positions) {
  counts.latency[bucket_of(ns)] += positions;
  if (ns > counts.latency_max_ns) counts.latency_max_ns = ns;
}

static void keep_ack(uint64_t index) {
  if (acks_count == acks_room) {
    acks_room = acks_room > 0 ? 2 * acks_room : 1 << 16;
    acks = realloc(acks, acks_room * sizeof *acks);
    if (acks == NULL) fail("memory");
  }
  const Position* at = &walks[index % walks_count];
  acks[acks_count++] =
      (Ack){.seed = seed_of(index) & 0xffff, .player = at->player, .x = at->x, .y = at->y};
}

// Reads the outcomes of a body, in order; `is_counted` where they are of the seconds that count.
static void take_outcomes(const Request* request, const char* body, const char* end,
                          bool is_counted, int64_t now) {
  static const char key[] = "\"outcome\":\"";
  uint64_t ok = 0, granted = 0, sold_out = 0, seen = 0;
  const char* at = body;
  while (seen < (uint64_t)flags.batch &&
         (at = memmem(at, (size_t)(end - at), key, sizeof key - 1)) != NULL) {
    at += sizeof key - 1;
    switch (*at) {
      case 'g':  // granted
        keep_ack(request->first + seen);
        granted += 1;
        ok += 1;
        break;
      case 's':  // sold_out
        sold_out += 1;
        ok += 1;
        break;
      case 'n':  // nothing
      case 'h':  // hint
        ok += 1;
        break;
      default:  // found, which is not the end; busy, unavailable, error
        break;
    }
    seen += 1;
  }
  if (!is_counted) return;
  counts.answers += 1;
  counts.ok += ok;
  counts.granted += granted;
  counts.sold_out += sold_out;
  counts.failed += (uint64_t)flags.batch - ok;
  if (ok > 0) take_latency(now - request->due_ns, ok);
}

static void take_answer(int i, int status, const char* body, const char* end, int64_t now) {
  Connection* one = connections[i];
  if (one->count == 0) {
    errno = EPROTO;
    fail("an answer that nobody asked for");
  }
  const Request request = one->waiting[one->first];
  one->first = (one->first + 1) % pipeline_max;
  if (one->count-- == flags.pipeline) make_free(i);
  const bool is_counted = is_in_window(flags.rate > 0 ? request.due_ns : now);
  if (status == 200) {
    take_outcomes(&request, body, end, is_counted, now);
  } else if (is_counted) {
    counts.failed += (uint64_t)flags.batch;
  }
}

// All whole answers of the buffer; returns where the first begins that is not whole.
static size_t take_answers(int i, int64_t now) {
  Connection* one = connections[i];
  const char *at = one->in, *end = one->in + one->in_bytes;
  for (;;) {
    const char* head_end = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    if (head_end == NULL) break;
    size_t length = 0;
    for (const char* line = at; line < head_end;) {
      if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
      line = memchr(line, '\n', (size_t)(head_end + 2 - line)) + 1;
    }
    const char* body = head_end + 4;
    if ((size_t)(end - body) < length) break;
    take_answer(i, atoi(at + 9), body, body + length, now);
    at = body + length;
  }
  return (size_t)(at - one->in);
}

// The server ended it: what was under way has failed.
static void begin_anew(int i) {
  Connection* one = connections[i];
  const bool was_free = one->count < flags.pipeline;
  for (; one->count > 0; --one->count, one->first = (one->first + 1) % pipeline_max) {
    const int64_t due_ns = one->waiting[one->first].due_ns;
    if (is_in_window(due_ns)) counts.failed += (uint64_t)flags.batch;
  }
  close(one->fd);
  reconnects += 1;
  connect_to_server(i);
  if (!was_free) make_free(i);
}

static void read_in(int i, int64_t now) {
  Connection* one = connections[i];
  const ssize_t got =
      recv(one->fd, one->in + one->in_bytes, answer_bytes_max - one->in_bytes, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    begin_anew(i);
    return;
  }
  received_bytes += (uint64_t)got;
  one->in_bytes += (size_t)got;
  const size_t taken = take_answers(i, now);
  one->in_bytes -= taken;
  memmove(one->in, one->in + taken, one->in_bytes);
  if (one->in_bytes == answer_bytes_max) begin_anew(i);
}

// ---- the run -----------------------------------------------------------------------------------

static void read_all(void) {
  static struct epoll_event events[connections_max];
  const int ready = epoll_wait(poller, events, connections_max, 0);
  const int64_t now = now_ns();
  for (int k = 0; k < ready; ++k) {
    const int i = (int)events[k].data.u32;
    if (events[k].events & EPOLLOUT) send_out(i);
    if (events[k].events & ~(uint32_t)EPOLLOUT) read_in(i, now);
  }
}

// When the next request of an open loop is due.
static int64_t next_due_ns(void) {
  return start_ns + (int64_t)(1e9 * (double)(next_position + (uint64_t)flags.batch) / flags.rate);
}

static void send_all(int64_t now) {
  if (flags.rate > 0) {
    for (int64_t due = next_due_ns(); free_count > 0 && due <= now && due < ended_ns;
         due = next_due_ns()) {
      if (is_in_window(due)) counts.due += (uint64_t)flags.batch;
      ask(due);
    }
  } else if (now < ended_ns) {
    while (free_count > 0) ask(now);
  }
  for (; dirty_count > 0; --dirty_count) {
    const int i = dirty[dirty_count - 1];
    connections[i]->is_dirty = false;
    if (!connections[i]->waits_for_room) send_out(i);
  }
}

static int under_way(void) {
  int all = 0;
  for (int i = 0; i < flags.connections; ++i) all += connections[i]->count;
  return all;
}

// Counts what was due before the end and was never sent, since no connection was free.
static void give_up_unsent(void) {
  if (flags.rate <= 0) return;
  for (int64_t due = next_due_ns(); due < ended_ns; due = next_due_ns()) {
    if (is_in_window(due)) counts.due += (uint64_t)flags.batch;
    next_position += (uint64_t)flags.batch;
  }
}

// Of all that was due: what has no answer took for ever, which is `late`.
static double quantile_ms(double share, uint64_t missing) {
  uint64_t total = missing;
  for (int i = 0; i < buckets; ++i) total += counts.latency[i];
  double left = share * (double)total;
  for (int i = 0; i < buckets; ++i) {
    left -= (double)counts.latency[i];
    if (left <= 0 && counts.latency[i] > 0) return bucket_end_ms(i);
  }
  return 1000 * flags.late;
}

static void report(double client_cpu_s) {
  give_up_unsent();
  const uint64_t due = flags.rate > 0 ? counts.due : counts.ok + counts.failed;
  const uint64_t missing = due - counts.ok;
  printf("{\"report\":{\"due\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64
         ",\"lost\":%" PRIu64 ",\"granted\":%" PRIu64 ",\"sold_out\":%" PRIu64
         ",\"requests\":%" PRIu64
         ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,"
         "\"max_ms\":%.3f,\"client_cpu_s\":%.3f,\"reconnects\":%" PRIu64 ",\"sent_bytes\":%" PRIu64
         ",\"received_bytes\":%" PRIu64 "}}\n",
         due, counts.ok, counts.failed, due - counts.ok - counts.failed, counts.granted,
         counts.sold_out, counts.answers, quantile_ms(0.5, missing), quantile_ms(0.99, missing),
         quantile_ms(0.999, missing), 1e-6 * (double)counts.latency_max_ns, client_cpu_s,
         reconnects, sent_bytes, received_bytes);
}

static void sleep_until(int64_t at) {
  const struct timespec when = {.tv_sec = at / second_ns, .tv_nsec = at % second_ns};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static double run(void) {
  start_ns = now_ns();
  int64_t turn = start_ns, told = 0;
  double cpu_began = 0, cpu_ended = 0;
  bool has_begun = false, has_ended = false;
  began_ns = start_ns + (int64_t)(1e9 * flags.warm);
  ended_ns = began_ns + (int64_t)(1e9 * flags.seconds);
  for (;;) {
    read_all();
    const int64_t now = now_ns();
    if (!has_begun && now >= began_ns) {
      has_begun = true;
      cpu_began = cpu_s();
      printf("{\"began\":true}\n");
    }
    if (has_begun && (now - began_ns) / second_ns > told && now < ended_ns) {
      told = (now - began_ns) / second_ns;
      printf("{\"second\":%" PRId64 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n", told,
             counts.ok, counts.failed);
    }
    if (!has_ended && now >= ended_ns) {
      has_ended = true;
      cpu_ended = cpu_s();
      printf("{\"ended\":true}\n");
    }
    send_all(now);
    const bool is_all_sent = flags.rate <= 0 || next_due_ns() >= ended_ns;
    const bool is_over = now >= ended_ns && is_all_sent && under_way() == 0;
    if (is_over || now >= ended_ns + (int64_t)(1e9 * flags.late)) return cpu_ended - cpu_began;
    turn = turn + turn_ns > now ? turn + turn_ns : now;
    sleep_until(turn);
  }
}

static void read_flags(int count, char** words) {
  struct {
    const char* name;
    int* number;
    double* real;
    const char** text;
  } const known[] = {
      {"port", &flags.port, NULL, NULL},
      {"batch", &flags.batch, NULL, NULL},
      {"connections", &flags.connections, NULL, NULL},
      {"pipeline", &flags.pipeline, NULL, NULL},
      {"seed", (int*)&flags.seed, NULL, NULL},
      {"new_players", &flags.new_players, NULL, NULL},
      {"rate", NULL, &flags.rate, NULL},
      {"warm", NULL, &flags.warm, NULL},
      {"seconds", NULL, &flags.seconds, NULL},
      {"late", NULL, &flags.late, NULL},
      {"walks", NULL, NULL, &flags.walks},
      {"acks", NULL, NULL, &flags.acks},
  };
  for (int i = 1; i < count; ++i) {
    const char* value = strchr(words[i], '=');
    size_t k = 0;
    const size_t all = sizeof known / sizeof *known;
    while (k < all && (value == NULL || strlen(known[k].name) != (size_t)(value - words[i]) ||
                       strncmp(words[i], known[k].name, (size_t)(value - words[i])) != 0)) {
      k += 1;
    }
    if (k == all) {
      fprintf(stderr, "client: no such setting: %s\n", words[i]);
      exit(2);
    }
    value += 1;
    if (known[k].number != NULL) *known[k].number = atoi(value);
    if (known[k].real != NULL) *known[k].real = atof(value);
    if (known[k].text != NULL) *known[k].text = value;
  }
  if (flags.batch < 1 || flags.batch > batch_max || flags.connections < 1 ||
      flags.connections > connections_max || flags.pipeline < 1 || flags.pipeline > pipeline_max ||
      flags.walks == NULL || flags.acks == NULL) {
    fprintf(stderr, "client: a setting is missing or out of its bounds\n");
    exit(2);
  }
}

static void read_walks(void) {
  FILE* file = fopen(flags.walks, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(flags.walks);
  walks_count = (size_t)ftell(file) / sizeof *walks;
  rewind(file);
  walks = malloc(walks_count * sizeof *walks);
  if (walks == NULL || walks_count == 0 ||
      fread(walks, sizeof *walks, walks_count, file) != walks_count) {
    fail(flags.walks);
  }
  fclose(file);
}

static void write_acks(void) {
  FILE* file = fopen(flags.acks, "wb");
  if (file == NULL || fwrite(acks, sizeof *acks, acks_count, file) != acks_count ||
      fclose(file) != 0) {
    fail(flags.acks);
  }
}

int main(int count, char** words) {
  read_flags(count, words);
  read_walks();
  setvbuf(stdout, NULL, _IOLBF, 0);
  prctl(PR_SET_TIMERSLACK, 1UL);  // sleeps as long as it says
  poller = epoll_create1(0);
  for (int i = 0; i < flags.connections; ++i) {
    Connection* one = connections[i] = calloc(1, sizeof *one);
    one->out_room =
        (size_t)flags.pipeline * (head_bytes_max + (size_t)flags.batch * position_bytes_max);
    one->out = malloc(one->out_room);
    one->in = malloc(answer_bytes_max);
    if (one->out == NULL || one->in == NULL) fail("memory");
    connect_to_server(i);
    make_free(i);
  }
  const double client_cpu_s = run();
  write_acks();
  report(client_cpu_s);
  return 0;
}
