import { existsSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openDatabase } from '../lib/database/open.ts'
import { images } from './images.ts'
import { idOf } from './many.ts'
import { OurServer } from './ours.ts'
import { pageOf } from './source.ts'

/** As many as services give at a time. */
const PAGE = 1000

/** Two of our servers with the same so many images, none of which has data. */
export async function twoServers(
  folder: string,
  count: number,
): Promise<readonly [OurServer, OurServer]> {
  const folders = ['one', 'other'].map(name => join(folder, name))
  const [one = '', other = ''] = folders.map(name => join(name, 'glance.sqlite'))
  for (const name of folders) await mkdir(name, { recursive: true })
  {
    await using database = await openDatabase({ dataApi: null, connection: `sqlite:///${one}` })
    await database.migrate()
    await database.images.insertAll(images(count, 2))
  }
  // With the journal, whose end may not be in the file yet.
  for (const end of ['', '-wal']) {
    if (existsSync(one + end)) await copyFile(one + end, other + end)
  }
  const start = (file: string) => OurServer.start({ dataDir: dirname(file) })
  return [await start(one), await start(other)]
}

/** Writes the pages that a service with so many images would answer with. */
export async function writePages(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  const ends = { schema: '/v2/schemas/images', first: '/v2/images' }
  await writeFile(join(folder, 'none.json'), JSON.stringify({ images: [], ...ends }))
  for (let first = 0; first <= count; first += PAGE) {
    const length = Math.min(PAGE, count - first)
    const listed = Array.from({ length }, (_, i) => document(first + i))
    const query = 'visibility=all&member_status=all&sort_key=id&sort_dir=asc'
    const next = `/v2/images?${query}&limit=${PAGE}&marker=${idOf(first + PAGE - 1)}`
    const page = { images: listed, ...ends, ...(length === PAGE && { next }) }
    const name = pageOf(first === 0 ? null : idOf(first - 1))
    await writeFile(join(folder, name), JSON.stringify(page))
  }
}

/** An image such as a cloud has, as v2 shows it. */
function document(n: number): object {
  const id = idOf(n)
  const time = new Date(1_325_376_000_000 + n * 1000).toISOString().replace('.000', '')
  return {
    id,
    name: `image ${n % 1000}`,
    status: 'active',
    visibility: 'shared',
    os_hidden: false,
    protected: false,
    owner: `project-${n % 5000}`,
    container_format: 'bare',
    disk_format: n % 3 === 0 ? 'raw' : 'qcow2',
    min_disk: 0,
    min_ram: 0,
    size: (n * 7919) % 100_000_000,
    virtual_size: null,
    checksum: n.toString(16).padStart(32, '0'),
    os_hash_algo: 'sha512',
    os_hash_value: n.toString(16).padStart(128, '0'),
    tags: [],
    os_distro: 'debian',
    os_version: `${n % 13}`,
    created_at: time,
    updated_at: time,
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
  }
}
