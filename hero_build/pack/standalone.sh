name=@PYTHON@
offset=@OFFSET@
length=@LENGTH@
digest=@DIGEST@

content() {
  tail -c "+$((offset + 1))" "$0" | head -c "$((length))"
}

trusted() { # root runs no program of another user
  [ "$(id -u)" != 0 ] || [ -O "$1" ] || [ "$(stat -c %u "$1")" = "${SUDO_UID:-0}" ]
}

start() { # start FOLDER ARGUMENTS: with the Python in the folder, if it is there
  python=$1/$name/python
  shift
  [ -x "$python" ] && trusted "$python" && exec "$python" "$0" "$@"
}

unpack() { # unpack FOLDER: it appears with one rename; fails where the folder takes no programs
  mkdir -p "$1" 2> /dev/null && new=$(mktemp -d "$1/.new-XXXXXX" 2> /dev/null) || return 1
  trap 'rm -rf "$new"' EXIT
  trap 'exit 130' HUP INT TERM
  if ! content | tar -xzf - -C "$new" 2> /dev/null; then
    rm -rf "$new"
    refuse "the Python in $0 cannot be unpacked in $1" "Free some space there: it needs 60 MB." 8
  fi
  error=$("$new/python" -c "" 2>&1)
  case $? in
    0) ;;
    126) rm -rf "$new"; return 1 ;;
    *) refuse "the Python in $0 does not start on this machine: $error" "It needs @LIBC@, or a pack from an older machine." 8 ;;
  esac
  chmod 755 "$new"
  sync -f "$new" 2> /dev/null || sync
  mv -T "$new" "$1/$name" 2> /dev/null || [ -x "$1/$name/python" ] \
    || refuse "the Python in $0 cannot be moved to $1/$name" "Delete that folder." 8
  rm -rf "$new"
  trap - EXIT HUP INT TERM
}

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
root=${HERO_ROOT:-$home/hero}
previous=
for word do
  case $word in --root=*) root=${word#--root=} ;; esac
  [ "$previous" != --root ] || root=$word
  previous=$word
done
first=$root/var/hero_build/tools
second=${HERO_BUILD_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/hero-build}/tools
start "$first" "$@" || start "$second" "$@"
[ "$(uname -m)" = @MACHINE@ ] \
  || refuse "this pack is for @MACHINE@ machines, and this one is $(uname -m)" "Make one on a machine like this one." 8
if command -v sha256sum > /dev/null && [ "$(content | sha256sum | cut -c 1-64)" != "$digest" ]; then
  refuse "$0 is damaged: the Python in it is not what was packed" "Copy the file again." 5
fi
unpack "$first" && start "$first" "$@"
unpack "$second" && start "$second" "$@"
refuse "this pack cannot be unpacked: neither $first nor $second takes programs" \
  "Name a folder of yours with --root, on a file system without noexec." 8
