# shellcheck shell=sh
# Data and user stay, as is the custom with .rpm packages.
[ ! -d /run/systemd/system ] || systemctl --system daemon-reload >/dev/null 2>&1 || :
