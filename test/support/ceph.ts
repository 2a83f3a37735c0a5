import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

export const FSID = '5060e323-5e0b-4116-9368-c1a9e6d1e61b'

/** Reads the words as Ceph's programs do, as far as the store uses them. */
const WORDS = `#!/bin/sh
verb= pool= image= snap= object= format=
while [ $# -gt 0 ]; do
  case $1 in
  --conf | --id) shift ;;
  --format) shift && format=$1 ;;
  --from-snap) shift && snap=$1 ;;
  --pool=* | --dest-pool=*) pool=\${1#*=} ;;
  --image=*) image=\${1#*=} ;;
  --snap=*) snap=\${1#*=} ;;
  --dest=*) dest=\${1#*=} ;;
  --object-size=*) object=\${1#*=} ;;
  --*) ;;
  *) verb="$verb $1" ;;
  esac
  shift
done
fail() { echo "rbd: $2" >&2; exit "$1"; }
[ -e "$root/away" ] && fail 110 "couldn't connect to the cluster!"
[ -d "$root/$pool" ] || fail 2 "error opening pool '$pool': (2) No such file or directory"
at=$root/$pool/$image
`

/** An image is a folder: its bytes, the size of its objects, and a file for each snapshot that says whether it is protected. */
const RBD = `
found() { [ -e "$at/data" ] || fail 2 "error opening image $image: (2) No such file or directory"; }
snapped() { found; [ -z "$snap" ] || [ -e "$at/snap.$snap" ] || fail 2 "error setting snapshot context: (2) No such file or directory"; }
case $verb in
*' import')
  mkdir "$root/$pool/$dest" 2>/dev/null || fail 17 "image creation failed"
  at=$root/$pool/$dest
  echo "\${object%K}" >"$at/object"
  if [ -e "$root/full" ]; then
    rm -r "$at"
    fail 28 "import failed: (28) No space left on device"
  fi
  cat >"$at/data" ;;
*' info')
  snapped
  printf '{"size":%d,"object_size":%d,"block_name_prefix":"rbd_data.%s","features":["layering"],"modify_timestamp":"%s"}' \\
    "$(wc -c <"$at/data")" "$(($(cat "$at/object") * 1024))" "$image" \\
    "$(cat "$at/modified" 2>/dev/null || LC_ALL=C date -r "$at/data" '+%a %b %e %H:%M:%S %Y')" ;;
*' ls') [ "$verb" = ' snap ls' ] && found && cd "$at" && set -- snap.* || { cd "$root/$pool" && set -- *; }
  list=
  for name in "$@"; do
    [ -e "$name" ] || continue
    [ "$format" = json ] || { echo "$name"; continue; }
    if [ "$verb" = ' snap ls' ]; then list="$list,{\\"name\\":\\"\${name#snap.}\\"}"; else list="$list,\\"$name\\""; fi
  done
  [ "$format" != json ] || echo "[\${list#,}]" ;;
*' diff') snapped; cat "$at/diff" 2>/dev/null || echo '[]' ;;
*' children') snapped; cat "$at/children" 2>/dev/null || echo '[]' ;;
*' create') found; echo unprotected >"$at/snap.$snap" ;;
*' unprotect') snapped; [ "$(cat "$at/snap.$snap")" = protected ] || fail 22 "snap is already unprotected"
  echo unprotected >"$at/snap.$snap" ;;
*' protect') snapped; echo protected >"$at/snap.$snap" ;;
*' snap rm') snapped; rm "$at/snap.$snap" ;;
*' rm') found
  for name in "$at"/snap.*; do [ -e "$name" ] && fail 39 "image has snapshots - not removing"; done
  [ -e "$at/watched" ] && fail 16 "error: image still has watchers"
  rm -r "$at" ;;
*' mv') found
  [ -e "$root/$pool/$dest" ] && [ ! -e "$root/late" ] && fail 17 "rename error: (17) File exists"
  mkdir "$root/$pool/$dest" 2>/dev/null || exit 0
  mv "$at"/snap.* "$at/object" "$root/$pool/$dest"
  mv "$at/data" "$root/$pool/$dest/data" && rmdir "$at" ;;
*' export') snapped; cat "$at/data" ;;
*) fail 1 "unknown:$verb" ;;
esac
`

/** The object is what its part of the file is; of nothing but zeros there is none. */
const RADOS = `
set -- $verb
name=\${2#rbd_data.}
number=\${name##*.}
at=$root/$pool/\${name%.*}
size=$(($(cat "$at/object") * 1024))
part() { tail -c "+$((size * 0x$number + 1))" "$at/data" | head -c "$size"; }
if [ "$(part | tr -d '\\0' | head -c 1 | wc -c)" -eq 0 ]; then
  echo "error getting $pool/$2: (2) No such file or directory" >&2
  exit 1
fi
part
`

/** A folder with pools that programs of Ceph's names keep images in, found before any others until the test ends. */
export class FakeCeph {
  readonly #root: string

  private constructor(root: string) {
    this.#root = root
  }

  static install(t: Test): FakeCeph {
    const root = join(t.testdir({ bin: {}, pools: {} }), 'pools')
    const bin = join(root, '../bin')
    const head = WORDS.replace('\n', `\nroot='${root}'\n`)
    const fsid = (file: string) =>
      `#!/bin/sh\n[ -e '${root}/away' ] && exit 1\ncat '${root}/${file}'\n`
    const programs = {
      rbd: head + RBD,
      rados: head + RADOS,
      ceph: fsid('.fsid'),
      'ceph-conf': fsid('.conf'),
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), text, { mode: 0o755 })
    }
    const { PATH } = process.env
    process.env['PATH'] = `${bin}${delimiter}${PATH}`
    t.teardown(() => (process.env['PATH'] = PATH))
    writeFileSync(join(root, '.fsid'), FSID)
    return new FakeCeph(root)
  }

  pool(name: string): void {
    mkdirSync(join(this.#root, name))
  }

  images(pool: string): readonly string[] {
    return readdirSync(join(this.#root, pool))
  }

  /** Says something of an image, or of all when that is missing. */
  say(path: string, text = ''): void {
    writeFileSync(join(this.#root, path), text)
  }

  unsay(path: string): void {
    rmSync(join(this.#root, path))
  }

  add(pool: string, image: string, files: Readonly<Record<string, string>>): void {
    const folder = join(this.#root, pool, image)
    mkdirSync(folder)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  }
}
