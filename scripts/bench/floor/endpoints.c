// N endpoints on one bridge by the fastest sequence known, on two symmetric threads.
//
//   endpoints up|down N [ipv6]     prints the microseconds it took

#include <pthread.h>
#include <stdatomic.h>

#include "netlink.h"

enum { kThreads = 2, kBridge = 5000, kFirstHostEnd = 10000, kInside = 1000, kGroup = 4242 };

static const uint32_t kGateway = 0x0ac80001;  // 10.200.0.1

static int count;
static int home;
static int with_ipv6;
static atomic_int next;

static uint32_t address_of(int n) {
  return 0x0ac80000U | (uint32_t)((1 + n / 250) << 8) | (uint32_t)(1 + n % 250);
}

static void switch_ipv6_off(void) {
  const int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "1", 1) != 1) fail("disable_ipv6");
  close(fd);
}

static void make_endpoint(int n, int host_socket) {
  char name[kNameSize];
  char host_name[kNameSize];
  snprintf(name, sizeof name, "vb-%d", n);
  snprintf(host_name, sizeof host_name, "vbh%d", n);
  enter_new_namespace(name);
  if (!with_ipv6) switch_ipv6_off();

  const int inside = open_socket();
  struct messages messages = {.length = 0};
  const int host_end = kFirstHostEnd + n;
  new_veth(
      &messages, 0, (struct end){.name = "eth0", .index = kInside, .up = 1},
      (struct end){.name = host_name, .index = host_end, .namespace_fd = home, .group = kGroup});
  new_address(&messages, 0, kInside, address_of(n), 16);
  raise_link(&messages, 0, 1);
  new_route(&messages, NLM_F_ACK, 0, 0, kGateway);
  exchange(inside, &messages);
  close(inside);

  messages.length = 0;
  raise_link(&messages, NLM_F_ACK, host_end);
  put_number(&messages, IFLA_MASTER, kBridge);
  exchange(host_socket, &messages);
}

static void* make_endpoints(void* unused) {
  const int host_socket = open_socket();
  for (int n = next++; n < count; n = next++) make_endpoint(n, host_socket);
  close(host_socket);
  return unused;
}

static void* drop_names(void* unused) {
  char name[kNameSize];
  for (int n = next++; n < count; n = next++) {
    snprintf(name, sizeof name, "vb-%d", n);
    drop_name(name);
  }
  return unused;
}

static void on_threads(void* (*work)(void*)) {
  pthread_t threads[kThreads];
  for (int n = 0; n < kThreads; n++) pthread_create(&threads[n], NULL, work, NULL);
  for (int n = 0; n < kThreads; n++) pthread_join(threads[n], NULL);
}

static void set_up(void) {
  const int fd = open_socket();
  struct messages messages = {.length = 0};
  prepare_names();
  new_bridge(&messages, 0, "vb", kBridge);
  new_address(&messages, NLM_F_ACK, kBridge, kGateway, 16);
  exchange(fd, &messages);
  on_threads(make_endpoints);
  close(fd);
}

/// The bridge joins the group of the host ends, and all go in one message.
static void tear_down(void) {
  const int fd = open_socket();
  const struct ifinfomsg bridge = link_body(kBridge, 0);
  struct messages messages = {.length = 0};
  begin(&messages, RTM_NEWLINK, 0, &bridge, sizeof bridge);
  put_number(&messages, IFLA_GROUP, kGroup);
  delete_group(&messages, NLM_F_ACK, kGroup);
  exchange(fd, &messages);
  on_threads(drop_names);
  close(fd);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  count = atoi(argv[2]);
  with_ipv6 = argc > 3;
  home = open_own_namespace();
  const double start = now();
  if (strcmp(argv[1], "up") == 0) {
    set_up();
  } else {
    tear_down();
  }
  struct samples samples = make_samples(1);
  add_sample(&samples, now() - start);
  print_samples(argv[1], &samples);
  return 0;
}
