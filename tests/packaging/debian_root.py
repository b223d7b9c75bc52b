"""A Debian in a folder, with nothing in it but the base system; commands run in it by chroot."""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]  # of the repository
RELEASES = {"bookworm": 12, "trixie": 13}


def run(*command, **options):
    """The output of a command that must succeed."""
    done = subprocess.run([str(each) for each in command], text=True, capture_output=True, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def mirror():
    """Where this machine gets Debian from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE)|$(REPO_URI)", "Created-By: Packages"],
        text=True,
        capture_output=True,
    ).stdout
    for line in listed.splitlines():
        release, _, address = line.partition("|")
        if release in RELEASES or address.rstrip("/").endswith("/debian"):
            return address
    raise LookupError("apt on this machine names no source of Debian, so there is none to install it from")


class DebianRoot:
    def __init__(self, path, caches, release="bookworm"):
        """`caches` is a folder with an archive of the base system for each release, made if it is not there."""
        cache = pathlib.Path(caches) / f"debian{RELEASES[release]}-base.tar"
        self.path = pathlib.Path(path)
        self.mounted = []
        if not cache.exists():
            base = self.path.with_name(self.path.name + ".base")
            subprocess.run(
                [
                    "debootstrap",
                    "--variant=minbase",
                    "--include=adduser,init-system-helpers,libstdc++6,libgcc-s1",
                    release,
                    base,
                    mirror(),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            subprocess.run(["tar", "cf", f"{cache}.new", "-C", base, "."], check=True)
            os.replace(f"{cache}.new", cache)
            shutil.rmtree(base)
        self.path.mkdir()
        subprocess.run(["tar", "xf", cache, "-C", self.path], check=True)
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")):
            subprocess.run(["mount", "-t", kind, kind, self.path / place], check=True)
            self.mounted.append(self.path / place)
        (self.path / "tmp").chmod(0o1777)
        (self.path / "usr/sbin/policy-rc.d").unlink(missing_ok=True)

    def close(self):
        for place in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(self.path)

    def command(self, *arguments, user=None):
        who = [f"--userspec={user}"] if user else []
        return [
            "chroot",
            *who,
            str(self.path),
            "/usr/bin/env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
            *[str(each) for each in arguments],
        ]

    def run(self, *arguments, user=None, code=0):
        done = subprocess.run(self.command(*arguments, user=user), text=True, capture_output=True)
        assert (
            done.returncode == code
        ), f"{arguments} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, *packages):
        """From where debootstrap got the base system."""
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")
        self.run("apt-get", "-qq", "update")
        self.run("apt-get", "-qq", "install", "--no-install-recommends", *packages)

    def files(self):
        """Every path but what any installation changes: dpkg's own records, logs, caches, backups of accounts."""
        ignored = {
            "/var/lib/dpkg",
            "/var/log",
            "/var/cache",
            "/proc",
            "/sys",
            "/run",
            "/tmp",
            "/dev",
            "/var/lib/apt",
            "/etc/passwd-",
            "/etc/group-",
            "/etc/shadow-",
            "/etc/gshadow-",
            "/etc/subuid-",
            "/etc/subgid-",
            "/etc/.pwd.lock",
        }
        found = set()
        for folder, folders, names in os.walk(self.path):
            inside = "/" + os.path.relpath(folder, self.path) if folder != str(self.path) else ""
            folders[:] = [name for name in folders if f"{inside}/{name}" not in ignored]
            found.update(f"{inside}/{name}" for name in folders + names if f"{inside}/{name}" not in ignored)
        return found
