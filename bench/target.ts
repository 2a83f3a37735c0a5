import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shell } from './shell.ts'
import { type Fields, launched, type Source, VERSIONS } from './source.ts'

/** Seen from `dist/bench`. */
const PROGRAM = fileURLToPath(new URL('../../bench/discard.c', import.meta.url))

/**
 * A Glance that has no image and takes one, v1 and v2: its data is dropped in the kernel, and it then says of it `v2`,
 * digests and all, as if it had computed them.
 */
export async function discardingTarget(folder: string, v2: Fields): Promise<Source> {
  await mkdir(folder, { recursive: true })
  const program = join(folder, 'discard')
  await shell(`cc -O2 -o ${program} ${PROGRAM} -lpthread`)
  const queued = {
    ...v2,
    status: 'queued',
    visibility: 'private',
    os_hidden: true,
    size: null,
    checksum: null,
    os_hash_algo: null,
    os_hash_value: null,
  }
  const list = { images: [], schema: '/v2/schemas/images', first: '/v2/images' }
  const image = `/v2/images/${String(v2['id'])}`
  const routes: readonly (readonly [string, number, unknown])[] = [
    ['GET /versions', 200, VERSIONS],
    ['GET /v2/images', 200, list],
    ['POST /v2/images', 201, queued],
    [`GET ${image}`, 200, v2],
    [`PATCH ${image}`, 200, v2],
    [`PUT ${image}/file`, 204, ''],
    ['POST /v1/images', 201, { image: { id: v2['id'], status: 'active' } }],
  ]
  const lines = await Promise.all(
    routes.map(async ([request, status, document], i) => {
      const file = join(folder, `answer-${i}`)
      await writeFile(file, document === '' ? '' : JSON.stringify(document))
      return `${request} ${status} ${file}\n`
    }),
  )
  await writeFile(join(folder, 'routes'), lines.join(''))
  return await launched(folder, async port => [program, String(port), join(folder, 'routes')])
}
