#!/bin/sh
# Builds the web UI and puts it where the daemon embeds it: embedded/ui. Needs Node 20 and, on the first run, npm's
# registry. The result is committed, so building the daemon needs neither.
set -eu
cd "$(dirname "$0")"

npm ci --silent
npm run --silent check
npm run --silent test
npm run --silent build -- --logLevel warn
for package in preact @preact/signals @preact/signals-core; do
  printf '%s\n\n' "$package"
  cat "node_modules/$package/LICENSE"
  printf '\n'
done > out/ui/licenses.txt
node precompress.mjs out/ui

rm -rf ../embedded/ui
mkdir -p ../embedded/ui
cp -R out/ui/. ../embedded/ui/
find ../embedded/ui -type f -exec chmod 644 {} +
echo "embedded/ui: $(find ../embedded/ui -type f | wc -l) files"
