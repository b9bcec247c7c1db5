// Single operations, each sent and acknowledged before the next.
//
//   operations PREFIX COUNT     PREFIX is a letter that begins the names, so that runs differ

#include "netlink.h"

enum { kBridgeIndex = 7000 };

static char prefix;
static int count;

static void time_exchange(int fd, const struct messages* messages, struct samples* samples) {
  const double start = now();
  exchange(fd, messages);
  add_sample(samples, now() - start);
}

static void namespaces(void) {
  struct samples samples = make_samples(count);
  const int home = open_own_namespace();
  char name[kNameSize];
  prepare_names();
  for (int n = 0; n < count; n++) {
    snprintf(name, sizeof name, "%cn%d", prefix, n);
    const double start = now();
    enter_new_namespace(name);
    drop_name(name);
    if (setns(home, CLONE_NEWNET) != 0) fail("setns");
    add_sample(&samples, now() - start);
  }
  snprintf(name, sizeof name, "%clast", prefix);
  enter_new_namespace(name);
  if (setns(home, CLONE_NEWNET) != 0) fail("setns");
  print_samples("namespace", &samples);
}

static void veths(int fd) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count; n++) {
    char name[kNameSize];
    char peer[kNameSize];
    struct messages messages = {.length = 0};
    snprintf(name, sizeof name, "%cv%d", prefix, n);
    snprintf(peer, sizeof peer, "%cw%d", prefix, n);
    new_veth(&messages, NLM_F_ACK, (struct end){.name = name}, (struct end){.name = peer});
    time_exchange(fd, &messages, &samples);
  }
  print_samples("veth", &samples);
}

/// The indexes are even for prefix `a`, odd for others; the first bridge is up and serves the rest.
static int bridge_index(int n) { return kBridgeIndex + 2 * n + (prefix == 'a' ? 0 : 1); }

static void bridges(int fd) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count; n++) {
    char name[kNameSize];
    struct messages messages = {.length = 0};
    snprintf(name, sizeof name, "%cb%d", prefix, n);
    new_bridge(&messages, NLM_F_ACK, name, bridge_index(n));
    time_exchange(fd, &messages, &samples);
  }
  print_samples("bridge", &samples);
}

static uint32_t network(void) { return 0x0a000000U | (uint32_t)(prefix << 16); }

static void addresses(int fd) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count; n++) {
    struct messages messages = {.length = 0};
    new_address(&messages, NLM_F_ACK, bridge_index(0), network() + 1 + (uint32_t)n, 24);
    time_exchange(fd, &messages, &samples);
  }
  print_samples("address", &samples);
}

static void routes(int fd) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count; n++) {
    struct messages messages = {.length = 0};
    const uint32_t to = network() + 0x8000U + (uint32_t)n;
    new_route(&messages, NLM_F_ACK, to, 32, network() + 250);
    time_exchange(fd, &messages, &samples);
  }
  print_samples("route", &samples);
}

static void ups(int fd) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count; n++) {
    char name[kNameSize];
    struct messages messages = {.length = 0};
    snprintf(name, sizeof name, "%cv%d", prefix, n);
    raise_link(&messages, NLM_F_ACK, 0);
    put_text(&messages, IFLA_IFNAME, name);
    time_exchange(fd, &messages, &samples);
  }
  print_samples("up", &samples);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  prefix = argv[1][0];
  count = atoi(argv[2]);
  const int fd = open_socket();
  namespaces();
  veths(fd);
  bridges(fd);
  addresses(fd);
  routes(fd);
  ups(fd);
  return 0;
}
