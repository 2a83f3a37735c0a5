import { setTimeout as delay } from 'node:timers/promises'
import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import { isObject } from '../image/json.ts'
import type { PullFrom, PullOptions } from './endpoint.ts'
import type { GlanceService } from './glance-service.ts'

/** The first and the longest pause in milliseconds between two looks at an import. */
const PAUSE_MS = [100, 5000] as const
/** Milliseconds without any change after which an import is not believed to go on: as Glance's own lock on an image. */
const DEAD_MS = 3_600_000
/** Milliseconds after which the lock on an image that is active is taken to be that of a worker that died. */
const LEFT_MS = 60_000
/** Milliseconds in which an import begins, where nothing else shows that it has: an old Glance answers before it does. */
const BEGIN_MS = 5000

/**
 * Has a v2 service import the data of a queued image by itself, and waits for the end: it is active then.
 * @throws {GlanceError} by the answer when it does not want to; `unavailable` when the import failed, and the image is
 * queued again; `gone` when the image is no more.
 */
export async function importImage(
  service: GlanceService,
  id: string,
  { method, address }: PullFrom,
  { signal, onBytes = () => {} }: PullOptions,
): Promise<void> {
  const json =
    method === 'web-download'
      ? { method: { name: method, uri: address.url } }
      : {
          method: { name: method, glance_region: address.region, glance_image_id: address.imageId },
        }
  await service.call('POST', `v2/images/${id}/import`, { json, signal })
  const what = `image ${id}: ${service.name} could not fetch it by ${method}`
  const asked = performance.now()
  let activeSince: number | undefined
  let hasBegun = false
  await untilChanged(signal, async () => {
    const image = await service.get(`v2/images/${id}`, signal)
    const status = isObject(image) ? image['status'] : undefined
    // The lock on the image is the last that goes. As long as it is there, a worker of Glance may still save the image as
    // it read it before, and take back what is changed meanwhile (glance/async_/flows/api_image_import.py).
    const isLocked = isObject(image) && Boolean(image['os_glance_import_task'])
    if (status === 'active') {
      activeSince ??= performance.now()
      const isLeft = performance.now() - activeSince > LEFT_MS
      return isLocked && !isLeft ? 'active' : undefined
    }
    const task = await newestTask(service, id, { signal })
    const told = task?.['message']
    const message = typeof told === 'string' ? told : ''
    const copied = /^Copied (\d+) MiB/.exec(message)?.[1]
    if (copied !== undefined) onBytes(Number(copied) * 1024 * 1024)
    hasBegun ||= isLocked || status !== 'queued' || task !== undefined
    const isWaited = hasBegun || performance.now() - asked > BEGIN_MS
    if (status === 'queued' && !isLocked && isWaited) {
      const why = task?.['status'] === 'failure' && message !== '' ? message : 'it does not say why'
      throw new GlanceError('unavailable', `${what}: ${why}`)
    }
    if (status !== 'queued' && status !== 'importing' && status !== 'saving') {
      throw new GlanceError('gone', `${what}: its status is ${String(status)}`)
    }
    return `${status} ${message} ${String(task?.['updated_at'])}`
  })
}

/** Looks until `look` sees the end, which is undefined; while it sees something else, it has to change now and then. */
export async function untilChanged(
  signal: AbortSignal | undefined,
  look: () => Promise<string | undefined>,
): Promise<void> {
  let [pause, longest]: [number, number] = [...PAUSE_MS]
  let seen: string | undefined
  let since = performance.now()
  for (;;) {
    const now = await look()
    if (now === undefined) return
    if (now !== seen) since = performance.now()
    if (performance.now() - since > DEAD_MS) {
      throw new GlanceError(
        'unavailable',
        `nothing has changed for ${DEAD_MS / 60_000} minutes: ${now}`,
      )
    }
    seen = now
    await delay(pause, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
    pause = Math.min(pause * 1.5, longest)
  }
}

/** What is told of the last import; undefined where nothing is, as before v2.12. */
async function newestTask(
  service: GlanceService,
  id: string,
  { signal }: Abortable,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const answer = await service.get(`v2/images/${id}/tasks`, signal).catch((error: unknown) => {
    if (!isGlanceError(error, 'not_found', 'forbidden', 'unsupported')) throw error
  })
  const tasks: unknown = isObject(answer) ? answer['tasks'] : undefined
  const known = Array.isArray(tasks) ? (tasks as unknown[]).filter(isObject) : []
  const made = (task: (typeof known)[number]) => String(task['created_at'])
  return known.toSorted((one, other) => (made(one) < made(other) ? 1 : -1))[0]
}
