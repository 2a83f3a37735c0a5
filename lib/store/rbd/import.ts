import { GlanceError } from '../../errors.ts'
import type { CephPrograms, Running } from './program.ts'

/** Milliseconds that the cluster may take nothing before it is asked whether it is full, and then again. */
const STALLED_MS = 2000
const STALLED_AGAIN_MS = 10_000
/** Milliseconds in which what was begun has to end when it is given up. */
const ENDING_MS = 10_000

/**
 * Data on its way into a new image, which grows with it: `rbd import` doubles its size when there is more, and cuts it to
 * what there was in the end.
 */
export class RbdImport {
  readonly #programs: CephPrograms
  readonly #pool: string
  readonly #running: Running
  #isKilled = false
  #isFull = false

  constructor(
    programs: CephPrograms,
    { pool, image, objectSize }: { pool: string; image: string; objectSize: number },
  ) {
    this.#programs = programs
    this.#pool = pool
    const to = ['--path=-', `--dest-pool=${pool}`, `--dest=${image}`]
    const how = ['--no-progress', '--image-format=2', `--object-size=${objectSize / 1024}K`]
    this.#running = programs.start('rbd', ['import', ...how, ...to])
    this.#running.stdout.resume()
  }

  /** Whether the program had to be killed. The cluster then believes for half a minute that the image is in use. */
  get isKilled(): boolean {
    return this.#isKilled
  }

  /** Resolves when the chunk is ours no more. Rejects with the reason when the program has ended. */
  async write(chunk: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { stdin } = this.#running
    const taken = new Promise<boolean>(resolve => {
      stdin.write(chunk, error => resolve(error === null || error === undefined))
    })
    const stop = () => stdin.destroy()
    signal?.addEventListener('abort', stop)
    try {
      if (!(await this.#unlessFull(taken))) {
        await this.stop()
        signal?.throwIfAborted()
        await this.#requireSuccess()
        const message = `store ${this.#programs.store}: rbd import ended before the data`
        throw new GlanceError('unavailable', message)
      }
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Ends the image where the data ends. Resolves when the cluster has all of it. */
  async finish(signal: AbortSignal | undefined): Promise<void> {
    const stop = () => void this.stop()
    signal?.addEventListener('abort', stop)
    try {
      this.#running.stdin.end()
      await this.#unlessFull(this.#running.ended)
      signal?.throwIfAborted()
      await this.#requireSuccess()
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Gives up, and waits for the program. What there is so far stays, to be removed. */
  async stop(): Promise<void> {
    // To the program it is the end of the data: it closes the image, so that it can be removed at once.
    this.#running.stdin.destroy()
    const timer = setTimeout(() => this.#kill(), ENDING_MS)
    await this.#running.ended.catch(() => {}) // It never began.
    clearTimeout(timer)
  }

  async #requireSuccess(): Promise<void> {
    const ending = await this.#running.ended
    const { store } = this.#programs
    if (this.#isFull) {
      const message = `store ${store}: the pool ${this.#pool} or its cluster is full`
      throw new GlanceError('over_limit', message)
    }
    if (ending.status === 0) return
    const fault = this.#programs.fault('rbd import', ending)
    // To a writer, a pool that is not there is no different from one that does not work.
    if (fault.code !== 'not_found' && fault.code !== 'duplicate') throw fault
    throw new GlanceError('unavailable', fault.message)
  }

  /** Waits, and kills the program when it is not to go on since there is no room: Ceph keeps its clients waiting then. */
  async #unlessFull<T>(work: Promise<T>): Promise<T> {
    const done = new AbortController()
    const look = async () => {
      if (await isFull(this.#programs, this.#pool, done.signal)) {
        this.#isFull = true
        this.#kill()
      } else if (!done.signal.aborted) timer = setTimeout(() => void look(), STALLED_AGAIN_MS)
    }
    let timer = setTimeout(() => void look(), STALLED_MS)
    try {
      return await work
    } finally {
      done.abort()
      clearTimeout(timer)
    }
  }

  #kill(): void {
    this.#isKilled = true
    this.#running.kill()
  }
}

/** Whether nothing is written to the pool at present for lack of room. False when that cannot be learned. */
async function isFull(programs: CephPrograms, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await programs.ceph(['osd', 'dump', '--format', 'json'], signal)
    if (answer === undefined) return false
    const { flags, pools } = JSON.parse(answer) as {
      // Its own format.
      readonly flags: string
      readonly pools: readonly { readonly pool_name: string; readonly flags_names: string }[]
    }
    const pool = pools.find(({ pool_name }) => pool_name === name)
    return [flags, pool?.flags_names ?? ''].some(all => /(?:^|,)full(?:_quota)?(?:,|$)/.test(all))
  } catch {
    return false // No program `ceph`, or no answer of this form: then it is waited for, as Glance does.
  }
}
