#!/bin/sh
# A pack of hero-build: a zip archive follows these lines. `./FILE install` installs what is in it; docs/commands/pack.md.
refuse() {
  printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
  exit "$3"
}
[ -f "$0" ] || refuse "a pack reads its own file, and $0 is not one: it does not run from a pipe" \
  "Write it to a file, and run that." 8
size=@SIZE@
[ "$(($(wc -c < "$0")))" -eq "$((size))" ] || refuse "$0 is not whole: it must have $((size)) bytes" "Copy the file again." 5
#@STANDALONE@
for python in python3 python3.14 python3.13 python3.12 python3.11; do
  command -v "$python" > /dev/null 2>&1 && exec "$python" "$0" "$@"
done
refuse "this pack needs Python 3.11 to 3.14, and there is no python3 on PATH" \
  "Install python3, or make the pack with --standalone, which brings its own." 8
