"""Ray as far as `server.provider=ray` speaks to it: an actor is a process, its one call runs there, a kill a kill."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
import threading
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace
from typing import Any

CHILD = """
import base64, pickle, sys
make, call = pickle.loads(base64.b64decode(sys.stdin.readline()))
try:
    told = (True, make().run(*call))
except Exception as error:
    told = (False, error)
print("ANSWER", base64.b64encode(pickle.dumps(told)).decode())
"""


class RayError(Exception):
    """The root of Ray's errors."""


class RayTaskError(RayError):
    """A call raised."""

    cause: BaseException


class ActorDiedError(RayError):
    """The actor's process is gone."""


class FakeActor:
    """An actor's handle: nothing runs before its call."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self.process: subprocess.Popen[str] | None = None
        self.killed = False
        self.run = SimpleNamespace(remote=self._run)

    def _run(self, *call: Any) -> Any:
        future: Future[Any] = Future()
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        text = base64.b64encode(pickle.dumps((self._make, call))).decode() + "\n"
        threading.Thread(target=self._wait, args=(self.process, text, future), daemon=True).start()
        return SimpleNamespace(future=lambda: future)

    @staticmethod
    def _wait(process: subprocess.Popen[str], text: str, future: Future[Any]) -> None:
        found, _ = process.communicate(text)
        answers = [line.removeprefix("ANSWER ") for line in found.splitlines() if line.startswith("ANSWER ")]
        if not answers:
            future.set_exception(ActorDiedError("gone"))
            return
        is_done, value = pickle.loads(base64.b64decode(answers[0]))
        if is_done:
            future.set_result(value)
            return
        error = RayTaskError("in a call")
        error.cause = value
        future.set_exception(error)


class FakeRay(ModuleType):
    """`begun`: what `init` was told; `asked`: the options of actors; `actors` in the order of birth."""

    def __init__(self, answers: bool = True) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
        self.begun: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.actors: list[FakeActor] = []
        self._answers = answers

    def is_initialized(self) -> bool:
        return bool(self.begun)

    def init(self, **words: Any) -> None:
        if not self._answers:
            raise ConnectionError("no head node\nat this address")
        self.begun.append(words)

    def remote(self, **words: Any) -> Any:
        self.asked.append(words)
        return lambda make: SimpleNamespace(remote=lambda: self._made(make))

    def _made(self, make: Any) -> FakeActor:
        self.actors.append(FakeActor(make))
        return self.actors[-1]

    def kill(self, actor: FakeActor, *, no_restart: bool) -> None:
        assert no_restart
        actor.killed = True
        if actor.process is not None:
            actor.process.kill()

    def running(self) -> int:
        """Actors that hold their place: those that nobody killed."""
        return sum(not actor.killed for actor in self.actors)
