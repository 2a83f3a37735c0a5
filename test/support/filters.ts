import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { openEndpoint } from '../../lib/endpoint/open.ts'
import { ATTRIBUTES, type AttributeName, type Field } from '../../lib/filter/attributes.ts'
import type { Filter } from '../../lib/filter/filter.ts'
import { matcher } from '../../lib/filter/match.ts'
import { printFilter } from '../../lib/filter/print.ts'
import { hintOf } from '../../lib/filter/push.ts'
import type { Image } from '../../lib/image/image.ts'
import { fixedToken } from '../../lib/keystone/token-source.ts'
import { idOf, toArray } from './images.ts'

/** Creates images on a service without authentication that are easily mistaken for each other. */
export async function fillPool(url: string): Promise<void> {
  for (const [i, fields] of POOL.entries()) {
    const id = idOf(i + 1)
    const record = { id, disk_format: 'raw', container_format: 'bare', ...fields }
    const created = await fetch(`${url}/v2/images`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(record),
    })
    assert.equal(created.status, 201, await created.text())
    if (i % 3 === 2) continue
    const uploaded = await fetch(`${url}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'x'.repeat(i * 100),
    })
    assert.equal(uploaded.status, record.disk_format === 'raw' ? 204 : uploaded.status)
  }
}

/**
 * Lists the images of the pool by what many filters say that a service may leave out. Rejects when an image is missing
 * that the filter matches, and resolves to how many were left out in all.
 */
export async function leftOutByHints(url: string, api: 1 | 2): Promise<number> {
  const options = { tokens: fixedToken(null), timeoutMs: 10_000, attempts: 1, chunkSize: 1024 }
  await using endpoint = await openEndpoint(url, { ...options, writable: false, api })
  const all = await toArray(endpoint.list())
  assert.equal(all.length, POOL.length)
  let leftOut = 0
  await fc.assert(
    fc.asyncProperty(closeFilters(all), async filter => {
      const now = new Date()
      const hint = hintOf(filter, now)
      if (hint === undefined) return
      const listed = new Set((await toArray(endpoint.list({ hint }))).map(({ id }) => id))
      leftOut += all.length - listed.size
      const matches = matcher(filter, now)
      const missed = all.filter(image => matches(image) && !listed.has(image.id))
      assert.deepEqual(missed, [], `${printFilter(filter)} by v${api}`)
    }),
    { numRuns: 60 },
  )
  return leftOut
}

const POOL: readonly object[] = [
  {},
  { name: 'debian', visibility: 'public', os_distro: 'debian', architecture: 'x86_64' },
  { name: 'debian', visibility: 'private', os_distro: 'debian', tags: ['lts'] },
  { name: 'Debian', visibility: 'community', os_distro: 'Debian', os_hidden: true },
  { name: 'a:b', visibility: 'shared', os_distro: 'in:a,b', tags: ['a:b', 'lts'] },
  { name: '', visibility: 'public', os_hidden: true, os_distro: '' },
  { name: 'eq:debian', min_ram: 512, min_disk: 2, hw_cpu_max: '4', metadata: 'x', limit: '1' },
  { name: ' blank', min_ram: 1024, protected: true, os_type: 'linux', tag: 'lts' },
  { name: 'ubuntu "quoted", list', disk_format: 'qcow2', hw_disk_bus: 'virtio' },
  { name: 'Zürich 東京', owner: 'somebody', os_distro: 'Zürich', is_public: 'True' },
]

/** Filters that ask for what the images have, or for something close to it. */
function closeFilters(images: readonly Image[]): fc.Arbitrary<Filter> {
  const names = [
    ...([
      'id',
      'name',
      'status',
      'visibility',
      'owner',
      'disk_format',
      'checksum',
      'tags',
    ] as const),
  ].map(name => ({ type: 'attribute', name }) as const)
  const properties = [...new Set(images.flatMap(({ properties }) => [...properties.keys()]))]
  const fields: readonly Field[] = [
    ...names,
    ...properties.map(name => ({ type: 'property', name }) as const),
  ]
  const texts = (field: Field): string[] => {
    const read = field.type === 'attribute' ? ATTRIBUTES[field.name].read : undefined
    const values = images.map(image =>
      read === undefined ? (image.properties.get(field.name) ?? null) : read(image),
    )
    return values.flat().filter(value => typeof value === 'string')
  }
  const exact = fc
    .constantFrom(...fields.filter(field => texts(field).length > 0))
    .chain(field =>
      fc.constantFrom(...texts(field)).map(value => ({ type: 'exact', field, value }) as const),
    )
  const order = fc.constantFrom('lt', 'lte', 'gt', 'gte')
  const number = fc.record({
    type: fc.constant('number' as const),
    field: fc.constantFrom('size', 'min_ram', 'min_disk', 'virtual_size').map(attribute),
    comparison: fc.oneof(order, fc.constant('eq' as const)),
    value: fc.constantFrom(0, 2, 100, 101, 512, 1024, Number.MAX_SAFE_INTEGER),
  })
  const moments = images.map(({ updatedAt }) => updatedAt)
  const time = fc.record({
    type: fc.constant('time' as const),
    field: fc.constantFrom('created_at', 'updated_at').map(attribute),
    comparison: order,
    value: fc.constantFrom(...moments, new Date(0)),
  })
  const age = fc.record({
    type: fc.constant('age' as const),
    field: fc.constantFrom('created_at', 'updated_at').map(attribute),
    comparison: order,
    seconds: fc.constantFrom(0, 1, 3600),
  })
  const flag = fc.record({
    type: fc.constant('flag' as const),
    field: fc.constantFrom('os_hidden', 'protected').map(attribute),
    value: fc.boolean(),
  })
  const one = fc.oneof<fc.Arbitrary<Filter>[]>(exact, exact, number, time, age, flag)
  const condition = fc.oneof(
    one,
    one,
    one.map(filter => ({ type: 'not', filter }) as const),
  )
  return fc.oneof(
    condition,
    fc
      .array(condition, { minLength: 2, maxLength: 3 })
      .chain(filters => fc.constantFrom('and', 'or').map((type): Filter => ({ type, filters }))),
  )
}

export function attribute(name: AttributeName): Field {
  return { type: 'attribute', name }
}
