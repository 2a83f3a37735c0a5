import { createHash, randomFillSync } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Fields } from './source.ts'

const MIB = 1024 ** 2

/** The id of an image that is alone. */
export const ID = '11111111-1111-4111-8111-111111111111'

/** What v1 and v2 say of an image. */
export interface Described {
  readonly v1: Fields
  readonly v2: Fields
}

/** An image that is there as a file. */
export interface ImageFile extends Described {
  readonly file: string
}

/** A file of so many MiB which no file system can make smaller. */
export async function imageFile(path: string, mib: number): Promise<ImageFile> {
  await using file = await open(path, 'wx')
  const [md5, sha512] = [createHash('md5'), createHash('sha512')]
  const block = randomFillSync(Buffer.alloc(MIB))
  for (let i = 0; i < mib; i += 1) {
    block.writeUInt32LE(i)
    md5.update(block)
    sha512.update(block)
    await file.write(block)
  }
  return { file: path, ...described(mib, md5.digest('hex'), sha512.digest('hex')) }
}

export function described(mib: number, md5: string, sha512: string): Described {
  const common = {
    id: ID,
    name: 'one',
    status: 'active',
    protected: false,
    container_format: 'bare',
    disk_format: 'raw',
    min_disk: 0,
    min_ram: 0,
    size: mib * MIB,
    checksum: md5,
  }
  const time = '2026-01-01T00:00:00'
  const v1 = { is_public: false, deleted: false, created_at: time, updated_at: time }
  const v2 = {
    visibility: 'shared',
    os_hidden: false,
    owner: null,
    virtual_size: mib * MIB,
    os_hash_algo: 'sha512',
    os_hash_value: sha512,
    tags: [],
    created_at: `${time}Z`,
    updated_at: `${time}Z`,
    self: `/v2/images/${ID}`,
    file: `/v2/images/${ID}/file`,
    schema: '/v2/schemas/image',
  }
  return { v1: { ...common, ...v1, properties: {} }, v2: { ...common, ...v2 } }
}
