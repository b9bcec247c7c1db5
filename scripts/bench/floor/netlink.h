// What the floor programs share: rtnetlink messages, a socket, a clock, samples.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kReceiveBuffer = 32768, kNameSize = 64 };

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

/// Microseconds of the monotonic clock.
static inline double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/// What reading the clock takes by itself, as timing.mjs leaves it out.
static double clock_cost(void) {
  enum { kTimes = 10000 };
  const double start = now();
  for (int n = 1; n < kTimes; n++) now();
  return (now() - start) / kTimes;
}

/// Measurements in microseconds, printed as one line: a name and the values.
struct samples {
  double* values;
  int count;
};

static inline struct samples make_samples(int room) {
  return (struct samples){.values = calloc((size_t)room, sizeof(double)), .count = 0};
}

static inline void add_sample(struct samples* samples, double value) {
  samples->values[samples->count++] = value;
}

static inline void print_samples(const char* name, const struct samples* samples) {
  printf("%s", name);
  for (int n = 0; n < samples->count; n++) printf(" %.3f", samples->values[n]);
  printf("\n");
}

/// Several netlink messages for one send.
struct messages {
  _Alignas(8) char bytes[4096];
  size_t length;
  size_t last;
};

static inline void* append(struct messages* to, const void* data, size_t size) {
  char* const place = to->bytes + to->length;
  const size_t padded = NLMSG_ALIGN(size);
  if (to->length + padded > sizeof to->bytes) {
    errno = EMSGSIZE;
    fail("message");
  }
  memset(place, 0, padded);
  if (data) memcpy(place, data, size);
  to->length += padded;
  ((struct nlmsghdr*)(to->bytes + to->last))->nlmsg_len = (uint32_t)(to->length - to->last);
  return place;
}

static inline void begin(struct messages* to, int type, int flags, const void* body, size_t size) {
  to->last = to->length;
  const struct nlmsghdr header = {.nlmsg_type = (uint16_t)type,
                                  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
  append(to, &header, sizeof header);
  append(to, body, size);
}

static inline void put(struct messages* to, int type, const void* data, size_t size) {
  const struct rtattr header = {.rta_len = (uint16_t)(RTA_LENGTH(0) + size),
                                .rta_type = (uint16_t)type};
  append(to, &header, sizeof header);
  append(to, data, size);
}

static inline void put_number(struct messages* to, int type, uint32_t value) {
  put(to, type, &value, sizeof value);
}

static inline void put_text(struct messages* to, int type, const char* text) {
  put(to, type, text, strlen(text) + 1);
}

static inline size_t open_nest(struct messages* to, int type) {
  const size_t start = to->length;
  put(to, type, NULL, 0);
  return start;
}

static inline void close_nest(struct messages* to, size_t start) {
  ((struct rtattr*)(to->bytes + start))->rta_len = (uint16_t)(to->length - start);
}

static inline int open_socket(void) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const int on = 1;
  if (fd < 0) fail("socket");
  // Refusals come without the request that they refuse.
  if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) != 0) fail("NETLINK_CAP_ACK");
  return fd;
}

static inline void send_all(int fd, const struct messages* messages) {
  if (send(fd, messages->bytes, messages->length, 0) < 0) fail("send");
}

/// Sends messages of which only the last asks for an acknowledgement; a refusal of any is fatal.
static inline void exchange(int fd, const struct messages* messages) {
  _Alignas(8) char buffer[8192];
  send_all(fd, messages);
  while (1) {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) fail("receive");
    const struct nlmsghdr* answer = (const void*)buffer;
    for (int left = (int)size; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
      if (answer->nlmsg_type != NLMSG_ERROR) continue;
      const struct nlmsgerr* const error = NLMSG_DATA(answer);
      if (error->error == 0) return;
      errno = -error->error;
      fail("the kernel refused");
    }
  }
}

enum { kCreate = NLM_F_CREATE | NLM_F_EXCL };

/// One end of a veth pair; what is zero is left out.
struct end {
  const char* name;
  int index;
  int namespace_fd;
  int up;
  uint32_t group;
};

static inline struct ifinfomsg link_body(int index, int up) {
  const unsigned flags = up ? IFF_UP : 0;
  return (struct ifinfomsg){.ifi_index = index, .ifi_flags = flags, .ifi_change = flags};
}

static inline void put_end(struct messages* to, const struct end* end) {
  put_text(to, IFLA_IFNAME, end->name);
  put_number(to, IFLA_NUM_TX_QUEUES, 1);
  put_number(to, IFLA_NUM_RX_QUEUES, 1);
  if (end->namespace_fd) put_number(to, IFLA_NET_NS_FD, (uint32_t)end->namespace_fd);
  if (end->group) put_number(to, IFLA_GROUP, end->group);
}

static inline void new_veth(struct messages* to, int flags, struct end first, struct end peer) {
  const struct ifinfomsg body = link_body(first.index, first.up);
  const struct ifinfomsg peer_body = link_body(peer.index, 0);
  begin(to, RTM_NEWLINK, kCreate | flags, &body, sizeof body);
  put_end(to, &first);
  const size_t info = open_nest(to, IFLA_LINKINFO);
  put_text(to, IFLA_INFO_KIND, "veth");
  const size_t data = open_nest(to, IFLA_INFO_DATA);
  const size_t nest = open_nest(to, VETH_INFO_PEER);
  append(to, &peer_body, sizeof peer_body);
  put_end(to, &peer);
  close_nest(to, nest);
  close_nest(to, data);
  close_nest(to, info);
}

static inline void new_bridge(struct messages* to, int flags, const char* name, int index) {
  const struct ifinfomsg body = link_body(index, 1);
  begin(to, RTM_NEWLINK, kCreate | flags, &body, sizeof body);
  put_text(to, IFLA_IFNAME, name);
  const size_t info = open_nest(to, IFLA_LINKINFO);
  put_text(to, IFLA_INFO_KIND, "bridge");
  close_nest(to, info);
}

static inline void raise_link(struct messages* to, int flags, int index) {
  const struct ifinfomsg body = link_body(index, 1);
  begin(to, RTM_NEWLINK, flags, &body, sizeof body);
}

static inline void delete_group(struct messages* to, int flags, uint32_t group) {
  const struct ifinfomsg body = link_body(0, 0);
  begin(to, RTM_DELLINK, flags, &body, sizeof body);
  put_number(to, IFLA_GROUP, group);
}

static inline void new_address(struct messages* to, int flags, int index, uint32_t address,
                               int prefix) {
  const struct ifaddrmsg body = {
      .ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)prefix, .ifa_index = (uint32_t)index};
  begin(to, RTM_NEWADDR, kCreate | flags, &body, sizeof body);
  put_number(to, IFA_LOCAL, htonl(address));
  put_number(to, IFA_ADDRESS, htonl(address));
}

/// A route through a gateway; with prefix 0 the default one.
static inline void new_route(struct messages* to, int flags, uint32_t network, int prefix,
                             uint32_t gateway) {
  const struct rtmsg body = {.rtm_family = AF_INET,
                             .rtm_dst_len = (uint8_t)prefix,
                             .rtm_table = RT_TABLE_MAIN,
                             .rtm_protocol = RTPROT_BOOT,
                             .rtm_scope = RT_SCOPE_UNIVERSE,
                             .rtm_type = RTN_UNICAST};
  begin(to, RTM_NEWROUTE, kCreate | flags, &body, sizeof body);
  if (prefix) put_number(to, RTA_DST, htonl(network));
  put_number(to, RTA_GATEWAY, htonl(gateway));
}

/// Makes the directory of names as `ip netns` does: a shared mount.
static inline void prepare_names(void) {
  const char* const directory = "/run/netns";
  if (mkdir(directory, 0755) != 0 && errno != EEXIST) fail(directory);
  if (mount("", directory, "none", MS_SHARED | MS_REC, NULL) == 0) return;
  if (mount(directory, directory, "none", MS_BIND | MS_REC, NULL) != 0 ||
      mount("", directory, "none", MS_SHARED | MS_REC, NULL) != 0) {
    fail("share /run/netns");
  }
}

static inline int open_own_namespace(void) {
  const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open namespace");
  return fd;
}

/// Moves the calling thread into a new namespace and names it.
static inline void enter_new_namespace(const char* name) {
  char path[2 * kNameSize];
  snprintf(path, sizeof path, "/run/netns/%s", name);
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  const int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (fd < 0) fail(path);
  close(fd);
  if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) != 0) fail("bind name");
}

static inline void drop_name(const char* name) {
  char path[2 * kNameSize];
  snprintf(path, sizeof path, "/run/netns/%s", name);
  if (umount2(path, MNT_DETACH) != 0 || unlink(path) != 0) fail(path);
}
