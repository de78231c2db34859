"""Numbers of the system calls that a plugin's interpreter may make, by architecture.

Facts of the kernel's headers (asm/unistd_64.h for x86-64, asm-generic/unistd.h for aarch64); a name that an
architecture does not have is left out there. What is not listed is refused by `seccomp`.
"""

from __future__ import annotations

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h


def _table(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in (pair.split("=") for pair in text.split())}


X86_64 = _table("""
    read=0 write=1 close=3 fstat=5 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14
    rt_sigreturn=15 rt_sigpending=127 rt_sigtimedwait=128 sigaltstack=131 ioctl=16 pread64=17 readv=19 writev=20
    access=21 pipe2=293 select=23 sched_yield=24 mremap=25 madvise=28 dup=32 dup2=33 dup3=292 nanosleep=35
    clock_nanosleep=230 getpid=39 getppid=110 gettid=186 getuid=102 geteuid=107 getgid=104 getegid=108 sendto=44
    recvfrom=45 shutdown=48 getsockopt=55 exit=60 exit_group=231 uname=63 fcntl=72 getcwd=79 readlink=89
    readlinkat=267 stat=4 lstat=6 newfstatat=262 statx=332 open=2 openat=257 getdents64=217 gettimeofday=96
    getrusage=98 sysinfo=99 times=100 time=201 clock_gettime=228 clock_getres=229 futex=202 set_robust_list=273
    get_robust_list=274 set_tid_address=218 sched_getaffinity=204 epoll_create1=291 epoll_ctl=233 epoll_wait=232
    epoll_pwait=281 eventfd2=290 poll=7 ppoll=271 pselect6=270 getrandom=318 membarrier=324 rseq=334 faccessat=269
    faccessat2=439 getcpu=309 clone=56 clone3=435 prlimit64=302 getrlimit=97 tgkill=234 restart_syscall=219
""")
AARCH64 = _table("""
    read=63 write=64 close=57 fstat=80 lseek=62 mmap=222 mprotect=226 munmap=215 brk=214 rt_sigaction=134
    rt_sigprocmask=135 rt_sigreturn=139 rt_sigpending=136 rt_sigtimedwait=137 sigaltstack=132 ioctl=29 pread64=67
    readv=65 writev=66 pipe2=59 sched_yield=124 mremap=216 madvise=233 dup=23 dup3=24 nanosleep=101
    clock_nanosleep=115 getpid=172 getppid=173 gettid=178 getuid=174 geteuid=175 getgid=176 getegid=177 sendto=206
    recvfrom=207 shutdown=210 getsockopt=209 exit=93 exit_group=94 uname=160 fcntl=25 getcwd=17 readlinkat=78
    newfstatat=79 statx=291 openat=56 getdents64=61 gettimeofday=169 getrusage=165 sysinfo=179 times=153
    clock_gettime=113 clock_getres=114 futex=98 set_robust_list=99 get_robust_list=100 set_tid_address=96
    sched_getaffinity=123 epoll_create1=20 epoll_ctl=21 epoll_pwait=22 eventfd2=19 ppoll=73 pselect6=72
    getrandom=278 membarrier=283 rseq=293 faccessat=48 faccessat2=439 getcpu=168 clone=220 clone3=435 prlimit64=261
    getrlimit=163 tgkill=131 restart_syscall=128
""")

# What an exec and the start of another program's runtime need besides.
FOR_EXEC = {
    "x86_64": _table("execve=59 arch_prctl=158 pwrite64=18 prctl=157 sched_setaffinity=203 pipe=22"),
    "aarch64": _table("execve=221 pwrite64=68 prctl=167 sched_setaffinity=122"),
}

NUMBERS = {"x86_64": X86_64, "aarch64": AARCH64}
