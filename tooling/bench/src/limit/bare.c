/*
 * The least that any program can do with as many bytes, without looking into them: requests of 28 bytes one way, replies of one length
 * the other way. Both ends wait in the kernel.
 *
 *   bare serve SOCKET BLOCK_BYTES                    prints "ready" when it listens, and serves one client after another
 *   bare load SOCKET BLOCK_BYTES DEPTH SECONDS       prints "begin", and at the end a line of JSON
 *   bare copy BLOCK_BYTES SECONDS                    the same for copies from memory to memory
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { request_bytes = 28, reply_header_bytes = 28, read_bytes = 262144, buffer_bytes = 1048576 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void *memory(size_t bytes) {
  void *all = malloc(bytes);
  if (all == NULL) exit(1);
  memset(all, 1, bytes);
  return all;
}

static int make_socket(const char *path, struct sockaddr_un *address) {
  int buffer = buffer_bytes;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strncpy(address->sun_path, path, sizeof address->sun_path - 1);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  return fd;
}

static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written <= 0) return -1;
    bytes += written;
    length -= written;
  }
  return 0;
}

static void serve(const char *path, size_t reply_bytes) {
  static char requests[65536];
  int buffer = buffer_bytes;
  struct sockaddr_un address;
  /* What was asked for together is answered by one write. */
  size_t together = reply_bytes < buffer_bytes ? buffer_bytes / reply_bytes : 1;
  char *replies = memory(together * reply_bytes);
  int listener = make_socket(path, &address);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0) exit(1);
  puts("ready");
  fflush(stdout);
  for (;;) {
    size_t received = 0;
    ssize_t got;
    int fd = accept(listener, NULL, NULL);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    while ((got = read(fd, requests, sizeof requests)) > 0) {
      received += got;
      while (received >= request_bytes) {
        size_t asked = received / request_bytes;
        size_t count = asked < together ? asked : together;
        received -= count * request_bytes;
        if (write_all(fd, replies, count * reply_bytes) != 0) break;
      }
    }
    close(fd);
  }
}

static void print_result(long requests, double seconds, double processor) {
  printf("{\"perSecond\":%f,\"requests\":%ld,\"used\":{\"processorSeconds\":%f}}\n", requests / seconds, requests, processor);
}

static void load(const char *path, size_t reply_bytes, long depth, double seconds) {
  static char requests[65536];
  struct sockaddr_un address;
  char *replies = memory(read_bytes);
  size_t received = 0;
  long count = 0;
  int fd = make_socket(path, &address);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) exit(1);
  puts("begin");
  fflush(stdout);
  double start = now(), processor = processor_seconds();
  if (write_all(fd, requests, depth * request_bytes) != 0) exit(1);
  while (now() - start < seconds) {
    ssize_t got = read(fd, replies, read_bytes);
    if (got <= 0) exit(1);
    received += got;
    long arrived = received / reply_bytes;
    received -= arrived * reply_bytes;
    count += arrived;
    if (arrived > 0 && write_all(fd, requests, arrived * request_bytes) != 0) exit(1);
  }
  print_result(count, now() - start, processor_seconds() - processor);
}

/* From and to more memory than the processor's caches hold. */
static void copy(size_t block_bytes, double seconds) {
  size_t all_bytes = 256 * 1048576;
  size_t blocks = all_bytes / block_bytes;
  char *from = memory(all_bytes), *to = memory(all_bytes);
  long count = 0;
  puts("begin");
  fflush(stdout);
  double start = now(), processor = processor_seconds();
  while (now() - start < seconds) {
    size_t offset = count++ % blocks * block_bytes;
    memcpy(to + offset, from + offset, block_bytes);
    /* Or the compiler leaves out what is not used. */
    __asm__ volatile("" : : "r"(to + offset) : "memory");
  }
  print_result(count, now() - start, processor_seconds() - processor);
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  if (count == 4 && strcmp(arguments[1], "serve") == 0) {
    serve(arguments[2], reply_header_bytes + atol(arguments[3]));
  } else if (count == 6 && strcmp(arguments[1], "load") == 0) {
    load(arguments[2], reply_header_bytes + atol(arguments[3]), atol(arguments[4]), atof(arguments[5]));
  } else if (count == 4 && strcmp(arguments[1], "copy") == 0) {
    copy(atol(arguments[2]), atof(arguments[3]));
  } else {
    return 2;
  }
  return 0;
}
