// Who answers from several namespaces: a witness that costs little beside what is measured.
//
//   reach NAMESPACE…
//
// Each line of the input is a question, each line of the output its answer:
//
//   come ADDRESS MAC FROM   asks until it answers in all namespaces but that of the number, -1 for
//                           none; prints when each had the first answer
//   go ADDRESS MAC FROM     asks until none has answered for a second; prints when each had the
//                           last one
//
// Times are nanoseconds of CLOCK_MONOTONIC; 0 where there was no answer.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/// Between two questions: an answer is awaited more eagerly than its absence.
enum { kMost = 256, kComePauseMs = 2, kGoPauseMs = 20 };

static const uint64_t kSecond = 1000000000;
static const uint64_t kLongest = 60000000000;

static int sockets[kMost];
static uint64_t answered[kMost];
static int count;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * kSecond + (uint64_t)time.tv_nsec;
}

static int socket_inside(const char* name) {
  char path[512];
  snprintf(path, sizeof path, "/run/netns/%s", name);
  const int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) < 0) fail(path);
  close(space);
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) fail("socket");
  return fd;
}

static uint16_t checksum(const void* data, size_t size) {
  uint32_t sum = 0;
  const uint16_t* words = data;
  for (size_t n = 0; n < size / 2; n++) sum += words[n];
  sum = (sum >> 16) + (sum & 0xffff);
  return (uint16_t) ~(sum + (sum >> 16));
}

/// What cannot be sent now may be sent next time: nobody knows the address yet.
static void ask(int fd, const struct sockaddr_in* to, uint16_t question) {
  struct icmphdr echo = {.type = ICMP_ECHO};
  echo.un.echo.id = htons((uint16_t)getpid());
  echo.un.echo.sequence = htons(question);
  echo.checksum = checksum(&echo, sizeof echo);
  if (sendto(fd, &echo, sizeof echo, 0, (const void*)to, sizeof *to) < 0 && errno == EBADF) {
    fail("send");
  }
}

static int is_answered(int fd, const struct sockaddr_in* from, uint16_t question) {
  unsigned char packet[512];
  int found = 0;
  for (;;) {
    const ssize_t size = recv(fd, packet, sizeof packet, 0);
    if (size < 0) return found;
    const struct iphdr* const ip = (const void*)packet;
    const struct icmphdr* const icmp = (const void*)(packet + ip->ihl * 4);
    found |= size >= ip->ihl * 4 + (ssize_t)sizeof *icmp && icmp->type == ICMP_ECHOREPLY &&
             ip->saddr == from->sin_addr.s_addr && icmp->un.echo.id == htons((uint16_t)getpid()) &&
             icmp->un.echo.sequence == htons(question);
  }
}

/// Knows whose the address is, without asking all others on the host's bridge again and again.
static void know(int fd, const struct sockaddr_in* address, const unsigned char* mac) {
  struct arpreq entry = {.arp_flags = ATF_PERM | ATF_COM, .arp_dev = "eth0"};
  memcpy(&entry.arp_pa, address, sizeof *address);
  entry.arp_ha.sa_family = ARPHRD_ETHER;
  memcpy(entry.arp_ha.sa_data, mac, 6);
  if (ioctl(fd, SIOCSARP, &entry) < 0) fail("SIOCSARP");
}

/// So that the next who has the address is known by its own MAC address.
static void forget(int fd, const struct sockaddr_in* address) {
  struct arpreq entry = {.arp_dev = "eth0"};
  memcpy(&entry.arp_pa, address, sizeof *address);
  ioctl(fd, SIOCDARP, &entry);
}

static void pursue(int coming, const struct sockaddr_in* to, int from, uint16_t question) {
  struct pollfd polled[kMost];
  const int pause = coming ? kComePauseMs : kGoPauseMs;
  memset(answered, 0, sizeof answered);
  const uint64_t start = now();
  uint64_t latest = start;
  for (;;) {
    int waiting = 0;
    for (int n = 0; n < count; n++) {
      const int asked = n != from && (!coming || answered[n] == 0);
      waiting += asked;
      polled[n] = (struct pollfd){.fd = asked ? sockets[n] : -1, .events = POLLIN};
      if (asked) ask(sockets[n], to, question);
    }
    const uint64_t sent = now();
    if (waiting == 0 || sent - start > kLongest || (!coming && sent - latest > kSecond)) break;
    for (int left = pause; left > 0; left = pause - (int)((now() - sent) / 1000000)) {
      if (poll(polled, (nfds_t)count, left) <= 0) break;
      for (int n = 0; n < count; n++) {
        if (polled[n].revents == 0 || !is_answered(sockets[n], to, question)) continue;
        answered[n] = latest = now();
        if (coming) polled[n].fd = -1;
      }
    }
  }
  for (int n = 0; n < count; n++) forget(sockets[n], to);
}

int main(int argc, char** argv) {
  for (count = 0; count + 1 < argc && count < kMost; count++) {
    sockets[count] = socket_inside(argv[count + 1]);
  }
  char verb[8];
  char text[64];
  int from;
  unsigned char mac[6];
  for (uint16_t question = 1;
       scanf("%7s %63s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx %d", verb, text, &mac[0], &mac[1], &mac[2],
             &mac[3], &mac[4], &mac[5], &from) == 9;
       question++) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &to.sin_addr) != 1) fail(text);
    for (int n = 0; n < count; n++) know(sockets[n], &to, mac);
    pursue(strcmp(verb, "come") == 0, &to, from, question);
    for (int n = 0; n < count; n++) printf("%llu ", (unsigned long long)answered[n]);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
