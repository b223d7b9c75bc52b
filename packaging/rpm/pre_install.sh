# shellcheck shell=sh
getent group millrace >/dev/null || groupadd --system millrace
getent passwd millrace >/dev/null || useradd --system --gid millrace --home-dir /var/lib/millrace --no-create-home \
    --shell /sbin/nologin --comment "Millrace" millrace
