// A seccomp profile like that which Docker gives to containers by default, in OCI form: what most
// programs need is allowed, and what only some capability makes sense of, to who has that.

/** The calls that everybody may make, by what they are for. */
const everybody = {
  files: [
    ...["access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat"],
    ...["dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir"],
    ...["fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr"],
    ...[
      "flistxattr",
      "flock",
      "fremovexattr",
      "fsetxattr",
      "fstat",
      "fstatfs",
      "fsync",
      "ftruncate",
    ],
    ...["futimesat", "getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch"],
    ...[
      "inotify_init",
      "inotify_init1",
      "inotify_rm_watch",
      "ioctl",
      "lchown",
      "lgetxattr",
      "link",
    ],
    ...[
      "linkat",
      "listxattr",
      "llistxattr",
      "lremovexattr",
      "lseek",
      "lsetxattr",
      "lstat",
      "mkdir",
    ],
    ...["mkdirat", "mknod", "mknodat", "newfstatat", "open", "openat", "openat2", "pread64"],
    ...["preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink"],
    ...[
      "readlinkat",
      "readv",
      "removexattr",
      "rename",
      "renameat",
      "renameat2",
      "rmdir",
      "sendfile",
    ],
    ...["setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync"],
    ...["sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime"],
    ...["utimensat", "utimes", "vmsplice", "write", "writev"],
  ],
  memory: [
    ...["brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall"],
    ...["mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc"],
    ...["pkey_free", "pkey_mprotect", "remap_file_pages"],
  ],
  processes: [
    ...[
      "alarm",
      "arch_prctl",
      "capget",
      "capset",
      "execve",
      "execveat",
      "exit",
      "exit_group",
      "fork",
    ],
    ...["futex", "futex_waitv", "get_robust_list", "getcpu", "getegid", "geteuid", "getgid"],
    ...["getgroups", "getitimer", "getpgid", "getpgrp", "getpid", "getppid", "getpriority"],
    ...["getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid"],
    ...["ioprio_get", "ioprio_set", "kill", "pause", "pidfd_open", "pidfd_send_signal", "prctl"],
    ...["prlimit64", "ptrace", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending"],
    ...["rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait"],
    ...[
      "rt_tgsigqueueinfo",
      "sched_get_priority_max",
      "sched_get_priority_min",
      "sched_getaffinity",
    ],
    ...["sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval"],
    ...[
      "sched_setaffinity",
      "sched_setattr",
      "sched_setparam",
      "sched_setscheduler",
      "sched_yield",
    ],
    ...["seccomp", "set_robust_list", "set_tid_address", "setfsgid", "setfsuid", "setgid"],
    ...["setgroups", "setitimer", "setpgid", "setpriority", "setregid", "setresgid", "setresuid"],
    ...["setreuid", "setrlimit", "setsid", "setuid", "sigaltstack", "tgkill", "times", "tkill"],
    ...["vfork", "wait4", "waitid"],
  ],
  sockets: [
    ...[
      "accept",
      "accept4",
      "bind",
      "connect",
      "getpeername",
      "getsockname",
      "getsockopt",
      "listen",
    ],
    ...[
      "recvfrom",
      "recvmmsg",
      "recvmsg",
      "sendmmsg",
      "sendmsg",
      "sendto",
      "setsockopt",
      "shutdown",
    ],
    "socketpair",
  ],
  waiting: [
    ...["clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1"],
    ...["epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2"],
    ...["gettimeofday", "nanosleep", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select"],
    ...["signalfd", "signalfd4", "time", "timer_create", "timer_delete", "timer_getoverrun"],
    ...["timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime"],
  ],
  sharing: [
    ...["mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink"],
    ...["msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat"],
    ...["shmctl", "shmdt", "shmget"],
  ],
  machine: ["getrandom", "sysinfo", "uname"],
};

/** What comes with a capability. */
const withCapability = {
  CAP_SYS_ADMIN: [
    ...[
      "bpf",
      "clone",
      "clone3",
      "fanotify_init",
      "fsconfig",
      "fsmount",
      "fsopen",
      "fspick",
      "mount",
    ],
    ...["mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl", "setdomainname"],
    ...["sethostname", "setns", "syslog", "umount2", "unshare"],
  ],
  CAP_SYS_CHROOT: ["chroot"],
  CAP_SYS_BOOT: ["reboot"],
  CAP_SYS_MODULE: ["delete_module", "finit_module", "init_module"],
  CAP_SYS_NICE: ["get_mempolicy", "mbind", "set_mempolicy"],
  CAP_SYS_PTRACE: [
    "kcmp",
    "pidfd_getfd",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
  ],
  CAP_SYS_TIME: ["clock_settime", "settimeofday"],
};

const allow = "SCMP_ACT_ALLOW";
const refuse = "SCMP_ACT_ERRNO";
const errno = { EPERM: 1, EACCES: 13, ENOSYS: 38 };

/** The flags of clone() that ask for a namespace (include/uapi/linux/sched.h, CLONE_NEW…). */
const newNamespaces = 0x7e020000;
const AF_VSOCK = 40;

/** What is allowed with some arguments only. */
const always = [
  {
    names: ["socket"],
    action: allow,
    args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }],
  },
  // The persona that every program has, and asking for it.
  ...[0, 0xffffffff].map((value) => ({
    names: ["personality"],
    action: allow,
    args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
  })),
];

/**
 * Where namespaces are not to be made: a thread may be, and of clone3(), into whose arguments no
 * filter sees, the C library is told that there is none.
 */
const withoutNamespaces = [
  {
    names: ["clone"],
    action: allow,
    args: [{ index: 0, value: newNamespaces, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
  },
  { names: ["clone3"], action: refuse, errnoRet: errno.ENOSYS },
];

/**
 * The profile for a container with these capabilities.
 *
 * @param {readonly string[]} capabilities
 * @param {readonly string[]} denied what is forbidden all the same, as a security module does it
 */
export function seccompProfile(capabilities, denied) {
  const further = Object.entries(withCapability)
    .filter(([capability]) => capabilities.includes(capability))
    .flatMap(([, names]) => names);
  const allowed = [...Object.values(everybody).flat(), ...further];
  return {
    defaultAction: refuse,
    defaultErrnoRet: errno.EPERM,
    syscalls: [
      { names: allowed.filter((name) => !denied.includes(name)), action: allow },
      ...denied.map((name) => ({ names: [name], action: refuse, errnoRet: errno.EACCES })),
      ...always,
      ...(further.includes("clone3") ? [] : withoutNamespaces),
    ],
  };
}
