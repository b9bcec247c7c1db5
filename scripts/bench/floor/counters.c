// Sweeps of counters over RTM_GETSTATS, and the list of links over RTM_GETLINK.
//
//   counters sweep REPEATS             all links of this namespace
//   counters one REPEATS INDEX         one link
//   counters namespaces REPEATS N      link 1000 in each of the namespaces vb-0 to vb-(N-1)
//   counters links REPEATS             a list of links, not decoded

#include <sys/resource.h>

#include "netlink.h"

enum { kColumns = sizeof(struct rtnl_link_stats64) / sizeof(uint64_t), kMostRows = 16384 };

static uint64_t table[kMostRows][kColumns];
static int rows;

static void ask_statistics(struct messages* to, int flags, int index) {
  const struct if_stats_msg body = {
      .ifindex = (uint32_t)index,
      .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
  };
  begin(to, RTM_GETSTATS, flags, &body, sizeof body);
}

static void take_row(const struct nlmsghdr* answer) {
  const struct if_stats_msg* const body = NLMSG_DATA(answer);
  const struct rtattr* attribute = (const void*)(body + 1);
  int left = (int)NLMSG_PAYLOAD(answer, sizeof *body);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != IFLA_STATS_LINK_64 || rows == kMostRows) continue;
    memcpy(table[rows++], RTA_DATA(attribute), sizeof table[0]);
  }
}

/// Receives until the dump ends, or with `dump` 0 one datagram.
static void receive(int fd, int dump) {
  _Alignas(8) static char buffer[kReceiveBuffer];
  do {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) fail("receive");
    const struct nlmsghdr* answer = (const void*)buffer;
    for (int left = (int)size; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
      if (answer->nlmsg_type == NLMSG_DONE) return;
      if (answer->nlmsg_type == NLMSG_ERROR) {
        errno = -((const struct nlmsgerr*)NLMSG_DATA(answer))->error;
        fail("the kernel refused");
      }
      if (answer->nlmsg_type == RTM_NEWSTATS) {
        take_row(answer);
      } else {
        rows++;
      }
    }
  } while (dump);
}

static int socket_inside(int namespace_number) {
  char path[kNameSize];
  snprintf(path, sizeof path, "/run/netns/vb-%d", namespace_number);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) fail(path);
  close(fd);
  return open_socket();
}

struct question {
  struct messages messages;
  int dump;
  int* sockets;
  int socket_count;
};

static struct question question_of(const char* what, int number) {
  struct question question = {.dump = 0, .socket_count = 1};
  const int namespaces = strcmp(what, "namespaces") == 0;
  if (strcmp(what, "links") == 0) {
    const struct ifinfomsg body = {.ifi_index = 0};
    begin(&question.messages, RTM_GETLINK, NLM_F_DUMP, &body, sizeof body);
    question.dump = 1;
  } else if (strcmp(what, "sweep") == 0) {
    ask_statistics(&question.messages, NLM_F_DUMP, 0);
    question.dump = 1;
  } else {
    ask_statistics(&question.messages, 0, namespaces ? 1000 : number);
  }
  if (namespaces) question.socket_count = number;
  question.sockets = calloc((size_t)question.socket_count, sizeof(int));
  for (int n = 0; n < question.socket_count; n++) {
    question.sockets[n] = namespaces ? socket_inside(n) : open_socket();
  }
  return question;
}

static void read_once(const struct question* question) {
  rows = 0;
  for (int n = 0; n < question->socket_count; n++) {
    send_all(question->sockets[n], &question->messages);
    receive(question->sockets[n], question->dump);
  }
}

static double sum_of(int column) {
  double sum = 0;
  for (int row = 0; row < rows; row++) sum += (double)table[row][column];
  return sum;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int repeats = atoi(argv[2]);
  const struct question question = question_of(argv[1], argc > 3 ? atoi(argv[3]) : 0);
  struct samples samples = make_samples(repeats);
  const double clock = clock_cost();
  for (int n = 0; n < 1 + repeats / 10; n++) read_once(&question);
  for (int n = 0; n < repeats; n++) {
    const double start = now();
    read_once(&question);
    add_sample(&samples, now() - start - clock);
  }
  print_samples("read", &samples);
  // struct rtnl_link_stats64: bytes received are its third word, bytes sent its fourth.
  printf("links %d\nreceived %.0f\nsent %.0f\n", rows, sum_of(2), sum_of(3));
  return 0;
}
