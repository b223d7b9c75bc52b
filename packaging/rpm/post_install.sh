# shellcheck shell=sh
install -d -o millrace -g millrace -m 0750 /var/lib/millrace
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null 2>&1 || :
    # The system's presets decide whether it is enabled; an upgrade restarts what runs.
    [ "$1" -gt 1 ] || systemctl preset millrace.service >/dev/null 2>&1 || :
    [ "$1" -eq 1 ] || systemctl try-restart millrace.service >/dev/null 2>&1 || :
fi
