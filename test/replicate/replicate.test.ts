import t from 'tap'
import { MemoryEndpoint } from '../../lib/endpoint/memory.ts'
import type { Endpoint } from '../../lib/endpoint/endpoint.ts'
import { GlanceError } from '../../lib/errors.ts'
import type { Image } from '../../lib/image/image.ts'
import { inOrder } from '../../lib/image/ordered.ts'
import { plan, type PlanOptions } from '../../lib/replicate/plan.ts'
import { planStep } from '../../lib/replicate/plan-step.ts'
import { count, NOTHING } from '../../lib/replicate/report.ts'
import { run, type RunOptions, type TransferEvent } from '../../lib/replicate/run.ts'
import { bytesOf, collect, dataOf, idOf, imageOf, toArray } from '../support/images.ts'

const BYTES = bytesOf(1, 1000)
const ENDS = { source: new MemoryEndpoint(), target: new MemoryEndpoint() }

t.test('plan: what becomes of one image', t => {
  const image = imageOf(1, BYTES, { tags: ['a'], properties: new Map([['k', 'v']]) })
  const queued = { ...image, status: 'queued', size: null, checksum: null, digest: null } as const
  const table: {
    title: string
    source: Image
    present?: Image
    options?: PlanOptions
    step: object
  }[] = [
    {
      title: 'missing: created with its data',
      source: image,
      step: { action: 'create', withData: true },
    },
    {
      title: 'missing, and only metadata wanted: created without data',
      source: image,
      options: { metadataOnly: true },
      step: { action: 'create', withData: false },
    },
    {
      title: 'the same on both sides: left alone',
      source: image,
      present: image,
      step: { action: 'skip', reason: 'same' },
    },
    {
      title: 'without data on the source: there is nothing to copy',
      source: queued,
      step: { action: 'skip', reason: 'no_data' },
    },
    {
      title: 'deactivated on the source: not spread further',
      source: { ...image, status: 'deactivated' },
      step: { action: 'skip', reason: 'no_data' },
    },
    {
      title: 'without data on the target: filled',
      source: image,
      present: { ...queued, visibility: 'private', hidden: true },
      step: { action: 'create', withData: true, image: { visibility: 'public', hidden: false } },
    },
    {
      title: 'another field: updated, with what changes',
      source: image,
      present: {
        ...image,
        name: 'old',
        tags: [],
        properties: new Map([
          ['k', 'v'],
          ['more', '1'],
        ]),
      },
      step: {
        action: 'update',
        changes: [
          { field: 'name', from: 'old', to: 'image 1' },
          { field: 'tags', from: [], to: ['a'] },
          { field: 'more', from: '1', to: undefined },
        ],
      },
    },
    {
      title: 'another field that is left out: the same',
      source: image,
      present: { ...image, name: 'old', properties: new Map([['k', 'other']]) },
      options: { leaveOut: new Set(['name', 'k']) },
      step: { action: 'skip', reason: 'same' },
    },
    {
      title: 'left-out fields of a missing image: not set',
      source: image,
      options: { leaveOut: new Set(['name', 'k', 'tags']) },
      step: { action: 'create', image: { name: null, tags: [], properties: new Map() } },
    },
    {
      title: "the service's own properties: no difference",
      source: {
        ...image,
        properties: new Map([
          ['k', 'v'],
          ['os_glance_import_task', 'x'],
        ]),
      },
      present: image,
      step: { action: 'skip', reason: 'same' },
    },
    {
      title: 'times: no difference',
      source: image,
      present: { ...image, createdAt: new Date(0), updatedAt: new Date(1) },
      step: { action: 'skip', reason: 'same' },
    },
    {
      title: 'another size: refused',
      source: image,
      present: { ...image, size: 999 },
      step: { action: 'refuse', error: { message: /size is 999, not 1000/ } },
    },
    {
      title: 'another digest: refused, whatever else differs',
      source: image,
      present: {
        ...image,
        name: 'old',
        checksum: null,
        digest: { algorithm: 'sha512', value: 'ff' },
      },
      step: { action: 'refuse', error: { code: 'conflict', message: /os_hash_value is ff/ } },
    },
    {
      title: 'digests of two algorithms and no checksum: not comparable, so no difference',
      source: { ...image, checksum: null },
      present: { ...image, digest: { algorithm: 'sha256', value: 'ff' } },
      step: { action: 'skip', reason: 'same' },
    },
    {
      title: 'being uploaded on the target: looked at again when its turn comes',
      source: image,
      present: { ...queued, status: 'saving' },
      step: { action: 'create', withData: true },
    },
    {
      title: 'staged on the target: refused for now',
      source: image,
      present: { ...queued, status: 'uploading' },
      step: { action: 'refuse', error: { message: /the target's image is uploading/ } },
    },
    {
      title: 'deactivated on the target: its metadata is still kept up',
      source: image,
      present: { ...image, status: 'deactivated', name: 'old' },
      step: { action: 'update' },
    },
  ]
  for (const { title, source, present, options, step } of table) {
    t.test(title, async t => {
      t.match(planStep(source, present, ENDS, options), step)
    })
  }
  t.end()
})

t.test('plan: whole listings', async t => {
  const source = await memory('source', [1, 2, 3, 5])
  const target = await memory('target', [2, 4, 5])

  t.test(
    'each source image is planned for once, what only the target has is left alone',
    async t => {
      t.same(await actionsOf(source, target), [
        [idOf(1), 'create'],
        [idOf(2), 'skip'],
        [idOf(3), 'create'],
        [idOf(5), 'skip'],
      ])
    },
  )

  t.test('an endpoint that cannot list in order is held in memory', async t => {
    const source = await memory('unordered', [3, 1, 5, 2], { ordered: false })
    t.same(
      (await actionsOf(source, target)).map(([id]) => id),
      [1, 2, 3, 5].map(idOf),
    )
  })

  t.test('owners are no difference where they cannot be carried', async t => {
    const target = new MemoryEndpoint('target', { ownersCarried: false })
    const bytes = bytesOf(1, 10)
    const image = imageOf(1, bytes, { owner: 'ours' })
    await target.add(image, dataOf(image, [bytes]))
    const source = new MemoryEndpoint()
    await source.add({ ...image, owner: 'theirs' }, dataOf(image, [bytes]))
    t.same(await actionsOf(source, target), [[idOf(1), 'skip']])
  })

  t.test('a listing that promises order and breaks it is an error', async t => {
    const images = (async function* () {
      yield imageOf(2)
      yield imageOf(1)
    })()
    await t.rejects(toArray(inOrder(images, 'http://one')), {
      code: 'corrupt',
      message: `http://one: the listing is out of order: ${idOf(1)} after ${idOf(2)}`,
    })
  })
})

t.test('run: carries a plan out', async t => {
  t.test('afterwards both sides have the same, and a second run has nothing to do', async t => {
    const source = await memory('source', [1, 2, 3, 4, 5])
    const target = await memory('target', [2])
    const [first, totals] = await replicate(source, target)
    t.equal(first.filter(({ type }) => type === 'finished').length, 4)
    t.match(totals, { created: 4, same: 1, failed: 0 })
    for await (const image of source.list()) {
      const [theirs, ours] = await Promise.all([target.data(image), source.data(image)])
      t.ok((await collect(await theirs.open())).equals(await collect(await ours.open())))
    }
    t.match((await replicate(source, target))[1], {
      created: 0,
      updated: 0,
      same: 5,
      failed: 0,
      bytes: 0,
    })
  })

  t.test('one image that fails does not stop the others', async t => {
    const source = await memory('source', [1, 2, 3])
    const target = failing(new MemoryEndpoint(), ({ id }) =>
      id === idOf(2) ? new GlanceError('over_limit', 'full') : undefined,
    )
    const [events, totals] = await replicate(source, target)
    t.match(totals, { created: 2, failed: 1 })
    t.match(
      events.find(({ type }) => type === 'failed'),
      { id: idOf(2), error: { message: 'full' } },
    )
  })

  t.test('what may go better is tried again, as often as asked', async t => {
    const source = await memory('source', [1])
    let left = 2
    const target = failing(new MemoryEndpoint(), () =>
      (left -= 1) >= 0 ? new GlanceError('unavailable', 'busy') : undefined,
    )
    const [events, totals] = await replicate(source, target, { attempts: 3 })
    t.match(totals, { created: 1, failed: 0 })
    t.same(
      events.filter(event => event.type === 'retried').map(({ attempt }) => attempt),
      [2, 3],
    )
    left = 3
    const [, again] = await replicate(await memory('source', [2]), target, { attempts: 3 })
    t.match(again, { created: 0, failed: 1 })
  })

  t.test('what will not go better is tried once', async t => {
    let tries = 0
    const target = failing(new MemoryEndpoint(), () => {
      tries += 1
      return new GlanceError('forbidden', 'no')
    })
    await replicate(await memory('source', [1]), target)
    t.equal(tries, 1)
  })

  t.test('an id that a failed attempt used up is told by what failed', async t => {
    let tries = 0
    const target = failing(new MemoryEndpoint(), () => {
      tries += 1
      return tries === 1
        ? new GlanceError('corrupt', 'wrong bytes')
        : new GlanceError('duplicate', 'taken')
    })
    const [events] = await replicate(await memory('source', [1]), target)
    t.match(
      events.find(({ type }) => type === 'failed'),
      { error: { message: 'wrong bytes' } },
    )
  })

  t.test('as many images are under way as asked for, and no more', async t => {
    let most = 0
    let waiting: (() => void)[] = []
    const target = new MemoryEndpoint()
    const add = target.add.bind(target)
    target.add = async (...parameters) => {
      // Three wait for each other; a fourth would be counted.
      await new Promise<void>(resolve => {
        waiting.push(resolve)
        most = Math.max(most, waiting.length)
        if (waiting.length === 3) {
          setImmediate(() => {
            for (const go of waiting) go()
            waiting = []
          })
        }
      })
      return await add(...parameters)
    }
    await replicate(await memory('source', [1, 2, 3, 4, 5, 6, 7, 8, 9]), target, { concurrency: 3 })
    t.equal(most, 3)
  })

  t.test('a token that is refused ends the run', async t => {
    const target = failing(
      new MemoryEndpoint(),
      () => new GlanceError('unauthenticated', 'expired'),
    )
    await t.rejects(replicate(await memory('source', [1, 2, 3]), target, { concurrency: 1 }), {
      code: 'unauthenticated',
    })
  })

  t.test('when stopped, what is under way is interrupted and nothing else begun', async t => {
    const controller = new AbortController()
    const target = failing(new MemoryEndpoint(), () => {
      controller.abort(new Error('stop'))
      return undefined
    })
    const [events, totals] = await replicate(await memory('source', [1, 2, 3]), target, {
      concurrency: 1,
      signal: controller.signal,
    })
    t.equal(events.filter(({ type }) => type === 'started').length, 1)
    t.match(totals, { created: 0, failed: 0 })
    t.ok(totals.interrupted >= 1)
  })

  t.test('with --discard-unfinished a failure leaves no record on the target', async t => {
    const discarded: string[] = []
    const target = failing(new MemoryEndpoint(), () => new GlanceError('over_limit', 'full'))
    target.discard = async id => void discarded.push(id)
    await replicate(await memory('source', [1]), target, { discardUnfinished: true })
    t.same(discarded, [idOf(1)])
  })

  t.test('the bytes that are told never count an attempt twice', async t => {
    const told: number[] = []
    let left = 1
    const source = await memory('source', [1])
    const target = new MemoryEndpoint()
    const add = target.add.bind(target)
    target.add = async (image, data, options) => {
      const written = await add({ ...image, id: left > 0 ? idOf(9) : image.id }, data, options)
      if ((left -= 1) >= 0) throw new GlanceError('unavailable', 'after the bytes')
      return written
    }
    await replicate(source, target, { onBytes: total => told.push(total) })
    t.equal(told.at(-1), 1001)
    t.ok(told.includes(0), 'taken back')
    t.equal(Math.max(...told), 1001)
  })
})

/** An endpoint that has images of these numbers, each with its own bytes. */
async function memory(
  name: string,
  numbers: readonly number[],
  options = {},
): Promise<MemoryEndpoint> {
  const endpoint = new MemoryEndpoint(name, options)
  for (const n of numbers) {
    const bytes = bytesOf(n, 1000 + n)
    const image = imageOf(n, bytes)
    await endpoint.add(image, dataOf(image, [bytes]))
  }
  return endpoint
}

/** `endpoint`, whose `add` fails with what `fault` gives. */
function failing(
  endpoint: MemoryEndpoint,
  fault: (image: Image) => GlanceError | undefined,
): MemoryEndpoint {
  const add = endpoint.add.bind(endpoint)
  endpoint.add = async (image, data, options) => {
    const error = fault(image)
    if (error !== undefined) throw error
    options?.signal?.throwIfAborted()
    return await add(image, data, options)
  }
  return endpoint
}

async function actionsOf(source: Endpoint, target: Endpoint): Promise<[string, string][]> {
  return (await toArray(plan(source, target, {}))).map(({ action, image }) => [image.id, action])
}

async function replicate(source: Endpoint, target: Endpoint, options: RunOptions = {}) {
  const steps = run(
    (onUnreadable, signal) => plan(source, target, {}, { onUnreadable, signal }),
    source,
    target,
    { delayMs: 1, ...options },
  )
  const events: TransferEvent[] = await toArray(steps)
  return [events, events.reduce(count, NOTHING)] as const
}
