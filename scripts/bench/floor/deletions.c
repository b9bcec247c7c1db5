// Deletion of many links by one message, and creations beside a loop of deletions.
//
//   deletions group REPEATS N      N veth pairs, both ends up, deleted by their group
//   deletions beside COUNT DELETIONS   creations of veth pairs, undisturbed and then beside a loop

#include <pthread.h>
#include <stdatomic.h>

#include "netlink.h"

enum { kGroup = 4242, kFirst = 20000, kPauseMicroseconds = 2000 };

static atomic_int deleting;

static void create(int fd, const char* letter, int n, int index) {
  char name[kNameSize];
  char peer[kNameSize];
  struct messages messages = {.length = 0};
  snprintf(name, sizeof name, "%s%d", letter, n);
  snprintf(peer, sizeof peer, "%sp%d", letter, n);
  new_veth(&messages, NLM_F_ACK, (struct end){.name = name, .index = index, .group = kGroup},
           (struct end){.name = peer, .index = index ? index + 1 : 0});
  exchange(fd, &messages);
}

static void create_up(int fd, int n) {
  struct messages messages = {.length = 0};
  const int index = kFirst + 2 * n;
  create(fd, "d", n, index);
  raise_link(&messages, 0, index);
  raise_link(&messages, NLM_F_ACK, index + 1);
  exchange(fd, &messages);
}

static void delete_by_group(int fd, int repeats, int count) {
  struct samples samples = make_samples(repeats);
  for (int repeat = 0; repeat < repeats; repeat++) {
    for (int n = 0; n < count; n++) create_up(fd, n);
    struct messages messages = {.length = 0};
    delete_group(&messages, NLM_F_ACK, kGroup);
    const double start = now();
    exchange(fd, &messages);
    add_sample(&samples, now() - start);
  }
  print_samples("delete", &samples);
}

static void* delete_one_by_one(void* count) {
  const int fd = open_socket();
  for (int n = 0; n < *(const int*)count; n++) {
    struct messages messages = {.length = 0};
    const struct ifinfomsg body = link_body(kFirst + 2 * n, 0);
    begin(&messages, RTM_DELLINK, NLM_F_ACK, &body, sizeof body);
    exchange(fd, &messages);
  }
  close(fd);
  deleting = 0;
  return NULL;
}

static void time_creations(int fd, const char* letter, int count, const char* name, int beside) {
  struct samples samples = make_samples(count);
  for (int n = 0; n < count && (!beside || deleting); n++) {
    usleep(kPauseMicroseconds);
    const double start = now();
    create(fd, letter, n, 0);
    add_sample(&samples, now() - start);
  }
  print_samples(name, &samples);
}

static void create_beside(int fd, int count, int deletions) {
  pthread_t thread;
  for (int n = 0; n < deletions; n++) create_up(fd, n);
  time_creations(fd, "i", count, "idle", 0);
  deleting = 1;
  pthread_create(&thread, NULL, delete_one_by_one, &deletions);
  time_creations(fd, "b", count, "beside", 1);
  pthread_join(thread, NULL);
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int fd = open_socket();
  if (strcmp(argv[1], "group") == 0) {
    delete_by_group(fd, atoi(argv[2]), atoi(argv[3]));
  } else {
    create_beside(fd, atoi(argv[2]), atoi(argv[3]));
  }
  return 0;
}
