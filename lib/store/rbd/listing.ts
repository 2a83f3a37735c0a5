import { randomUUID } from 'node:crypto'
import { isImageId } from '../location.ts'
import type { RbdInfo, RbdPool } from './pool.ts'

/** An image of a pool that is named as ours are. */
export interface Volume {
  readonly name: string
  /** Of the image that it has, or was to have, in lower case. */
  readonly id: string
  /** Whether it has the name of what is there, not one under which data arrives. */
  readonly isWhole: boolean
  readonly info: RbdInfo
}

/** The last part is there under a name under which data arrives: no image's of a Glance, since an id has no dots. */
const NAME = /^([0-9a-f-]{36})(\.[0-9a-f-]{36}\.partial)?$/i
/** Programs that run at once, for each image one: they hold as much memory as we do. */
const AT_ONCE = 4

/** A new name under which the data of an image arrives. */
export function partialName(id: string): string {
  return `${id}.${randomUUID()}.partial`
}

/** The images of a pool that are named as ours are, but for what goes meanwhile. */
export async function* volumesIn(
  pool: RbdPool,
  poolName: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Volume, void> {
  const names = namesIn(pool, poolName, () => true, signal)
  for await (const some of names) {
    const described = some.map(async ({ name, id, isWhole }) => {
      const info = await pool.find({ pool: poolName, image: name, snapshot: null }, signal)
      return info === undefined ? [] : [{ name, id, isWhole, info }]
    })
    yield* (await Promise.all(described)).flat()
  }
}

/** What writes left in a pool, or are about to fill: names, a few at a time. */
export async function* partialsIn(
  pool: RbdPool,
  poolName: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly string[], void> {
  const names = namesIn(pool, poolName, ({ isWhole }) => !isWhole, signal)
  for await (const some of names) yield some.map(({ name }) => name)
}

type Name = Omit<Volume, 'info'>

/** As many as may be worked on at once. */
async function* namesIn(
  pool: RbdPool,
  poolName: string,
  isWanted: (name: Name) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Name[], void> {
  let some: Name[] = []
  for await (const name of pool.names(poolName, signal)) {
    const [, id = '', partial] = NAME.exec(name) ?? []
    const found = { name, id: id.toLowerCase(), isWhole: partial === undefined }
    if (!isImageId(id) || !isWanted(found)) continue
    some.push(found)
    if (some.length < AT_ONCE) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
