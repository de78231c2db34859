"""Sixteen things that a plugin may try, as a plugin: each hook tries one and tells `open`, or the error that it met.

Two are wanted (a late import of the standard library, a thread); the rest should be denied. A probe that is denied
without any wall proves nothing about the walls: tables show the bare process beside. `where` holds a folder that
anybody may write, and a TCP port, a UDP port and an abstract socket that the host listens on.
"""

from __future__ import annotations

PROBES = {
    "read_passwd": "read the password file",
    "read_environ_of_init": "read the environment of process 1",
    "write_file": "write a file in a folder that anybody may write",
    "late_import": "import a module of the standard library late (wanted)",
    "list_folder": "list a folder of the host",
    "tcp": "connect to a TCP port of the host",
    "udp": "send a UDP datagram to the host",
    "abstract_socket": "connect to an abstract unix socket of the host",
    "signal_parent": "may signal its parent",
    "exec": "become another program",
    "fork": "fork",
    "ptrace": "be traced by its parent",
    "memory": "hold 1 GiB",
    "user_namespace": "make a user namespace",
    "descriptors": "hold 200 descriptors",
    "thread": "start a thread (wanted)",  # the last: a process with threads may make no user namespace
}
WANTED = ("late_import", "thread")

SOURCE = b"""
import errno

def told(probe):
    def run(where):
        try:
            probe(where)
        except OSError as error:
            return "denied " + errno.errorcode.get(error.errno, str(error.errno))
        except Exception as error:
            return "denied " + type(error).__name__
        return "open"
    return run

def libc(name, *args):
    import ctypes, os
    value = getattr(ctypes.CDLL(None, use_errno=True), name)(*args)
    if value < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

@told
def read_passwd(where):
    open("/etc/passwd").read(1)

@told
def read_environ_of_init(where):
    open("/proc/1/environ", "rb").read(1)

@told
def write_file(where):
    open(where["folder"] + "/written", "w").write("x")

@told
def late_import(where):
    import colorsys

@told
def list_folder(where):
    import os
    os.listdir(where["folder"])

@told
def tcp(where):
    import socket
    socket.create_connection(("127.0.0.1", where["tcp"]), 2).close()

@told
def udp(where):
    import socket
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", where["udp"]))

@told
def abstract_socket(where):
    import socket
    socket.socket(socket.AF_UNIX).connect("\\0" + where["abstract"])

@told
def signal_parent(where):
    import os
    os.kill(os.getppid(), 0)

@told
def exec(where):
    import os
    os.execv("/bin/true", ["true"])

@told
def fork(where):
    import os
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

@told
def thread(where):
    import threading
    one = threading.Thread(target=int)
    one.start()
    one.join()

@told
def ptrace(where):
    libc("ptrace", 0, 0, 0, 0)

@told
def memory(where):
    import ctypes
    lib = ctypes.CDLL(None)  # a bytearray would be filled, which takes seconds
    lib.malloc.restype, lib.malloc.argtypes, lib.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
    held = lib.malloc(1 << 30)
    if not held:
        raise MemoryError
    lib.free(held)

@told
def user_namespace(where):
    libc("unshare", 0x10000000)

@told
def descriptors(where):
    import os
    held = []
    try:
        for _ in range(200):
            held.append(os.dup(2))
    finally:
        for fd in held:
            os.close(fd)
"""
