#!/usr/bin/python3
"""A command for jobs of kind exec: the SHA-256 of every file in a folder.

    [exec.checksums]
    command = ["/usr/bin/python3", "/usr/share/doc/millrace/examples/checksums.py"]

    millrace job submit --kind exec --payload '{"command":"checksums","input":{"folder":"/srv/photos"}}' --wait
"""
import hashlib
import json
import os
import signal
import sys

BAD_INPUT, TRY_AGAIN = 65, 75  # EX_DATAERR, EX_TEMPFAIL


def main():
    # A cancelled job is asked to end; whoever does not is killed after exec.grace_seconds.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = json.load(sys.stdin)
    folder = wanted.get("folder") if isinstance(wanted, dict) else None
    if not isinstance(folder, str):
        print('the input is {"folder":"/path"}', file=sys.stderr)
        return BAD_INPUT  # trying again cannot help
    try:
        names = sorted(each.name for each in os.scandir(folder) if each.is_file())
    except OSError as error:
        print(f"cannot read {folder}: {error.strerror}", file=sys.stderr)
        return TRY_AGAIN  # it may be mounted by then
    digests = {}
    for done, name in enumerate(names):
        print("progress", 100 * done // len(names), flush=True)
        with open(os.path.join(folder, name), "rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    json.dump({"folder": folder, "digests": digests}, sys.stdout)
    return 0


sys.exit(main())
