"""A program in a terminal of its own: what it draws, keys typed to it, and what it leaves of the terminal's settings."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, argv, environment=None, rows=24, columns=80):
        self.leader, follower = pty.openpty()
        self.follower = follower  # kept open: the settings outlive the program
        self.resize(rows, columns)
        self.before = termios.tcgetattr(follower)
        self.output = b""
        self.process = subprocess.Popen(
            [str(a) for a in argv],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env=environment,
            preexec_fn=self.take,
        )

    @staticmethod
    def take():
        """In the child. What a shell starts in the background ignores Ctrl-C, and so would all below it."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)

    def resize(self, rows, columns):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.leader, keys)

    def pump(self, seconds=0.05):
        """Takes what it has drawn meanwhile; all of it so far."""
        while select.select([self.leader], [], [], seconds)[0]:
            self.output += os.read(self.leader, 65536)
            seconds = 0
        return self.output

    def until(self, condition, seconds=30):
        """Until `condition(output so far)` holds."""
        end = time.monotonic() + seconds
        while not condition(self.pump()):
            assert time.monotonic() < end, self.output[-3000:]
        return self.output

    def wait(self, seconds=30):
        """Its exit code, when it has ended by itself."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.pump()
            assert time.monotonic() < end, self.output[-3000:]
        self.pump()
        return self.process.returncode

    def restored(self):
        return termios.tcgetattr(self.follower) == self.before

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.leader)
        os.close(self.follower)
