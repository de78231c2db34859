"""A plugin that is evil by proxy: it runs whatever Python it is sent and tells what came of it."""

from __future__ import annotations

from sim.integration.plugins.runners.base import PluginSource
from tests.integration.plugins.stage import source

CODE = '''
import ctypes, errno, os, sys
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

def raw(number, *args):
    """A system call past every wrapper: its value, or the error's name."""
    value = LIBC.syscall(ctypes.c_long(number), *args)
    return value if value >= 0 else errno.errorcode[ctypes.get_errno()]

def send_bytes(body):
    """A frame of its own making past the worker's protocol."""
    os.write(3, len(body).to_bytes(4, "little") + body)

class Plugin:
    def __init__(self, context):
        from msgspec import msgpack
        self.names = {"context": context, "LIBC": LIBC, "raw": raw, "ctypes": ctypes, "os": os, "sys": sys}
        self.names |= {"send_bytes": send_bytes, "send": lambda value: send_bytes(msgpack.encode(value))}
        self.names["Ext"] = msgpack.Ext

    def run(self, code):
        """Value of the name `told` after the code ran, or the exception's class and error name."""
        names = dict(self.names)
        try:
            exec(code, names)
        except OSError as error:
            return "denied: " + errno.errorcode.get(error.errno, str(error.errno))
        except ImportError as error:
            return "denied: " + type(error).__name__
        return names.get("told")
'''


def hostile() -> PluginSource:
    """The plugin; `run` takes Python."""
    return source(CODE)
