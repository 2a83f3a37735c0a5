// The program of one of several processes that share a service. It does what its parent says, and is gone with it.
import type { Socket } from 'node:net'
import type { FromWorker, ToWorker } from './messages.ts'
import { tell } from './told-error.ts'
import type { WorkerApi } from './worker-api.ts'

process.once('disconnect', () => process.exit(1))
if (!process.connected) process.exit(1)

let api: Promise<WorkerApi> | undefined
let stopping: Promise<void> | undefined
let isLeaving = false

process.on('message', (message: ToWorker, socket?: Socket) => {
  switch (message.type) {
    case 'start':
      api ??= start(message)
      break
    case 'connection':
      if (isLeaving) {
        say({ type: 'refused' })
        socket?.destroy() // Ours alone: its parent has it open as well.
        break
      }
      say({ type: 'taken' }) // Before anything is read of it.
      // Its client may have gone on the way.
      if (socket !== undefined) void api?.then(api => api.take(socket))
      break
    case 'metrics':
      void api?.then(tellMetrics)
      break
    case 'drain':
      void api?.then(api => api.drain())
      break
    case 'stop':
      stop()
      break
  }
})
// Who stops the whole group, as Ctrl-C and systemd do, stops us in this way as well; the parent says so besides.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isLeaving = true
    say({ type: 'leaving' })
    stop()
  })
}
// It is the parent that reads the configuration anew.
process.on('SIGHUP', () => {})
// A file that may not grow further is a failed write of one image.
process.on('SIGXFSZ', () => {})

async function start({ config, tellsExchanges }: ToWorker & { type: 'start' }): Promise<WorkerApi> {
  try {
    const { WorkerApi } = await import('./worker-api.ts')
    const started = await WorkerApi.start(config, {
      report: (error, requestId) => say({ type: 'report', error: tell(error), requestId }),
      onExchange: tellsExchanges ? exchange => say({ type: 'exchange', exchange }) : undefined,
      onHeld: (id, isHeld) => say({ type: 'holds', id, isHeld }),
      notice: message => say({ type: 'notice', message }),
      ended: () => void leave(),
    })
    say({ type: 'ready' })
    return started
  } catch (error) {
    process.send?.({ type: 'failed', error: tell(error) } satisfies FromWorker, () =>
      process.exit(1),
    )
    return await new Promise(() => {})
  }
}

/** The last of what was counted is not to be lost. */
async function leave(): Promise<void> {
  const last = await api
  const series = last?.series ?? new Map<string, number>()
  process.send?.({ type: 'metrics', series } satisfies FromWorker, () => process.exit(0))
}

function tellMetrics({ series }: WorkerApi): void {
  say({ type: 'metrics', series })
}

function stop(): void {
  if (api === undefined) process.exit(0)
  stopping ??= api.then(api => api.stop())
}

function say(message: FromWorker): void {
  // Of a parent that has just gone the end of the channel tells.
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}
