import { GlanceError } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import { storeConfigs } from '../store-configs.ts'

/** @throws {GlanceError} `usage` for processes that would each have images of their own. */
export function requireSharing(config: ServerConfig): void {
  const { dataApi, workers } = config
  if (workers === 0) return
  if (dataApi === 'simple') {
    const message = `data_api is simple, which is of one process only: workers has to be 0, not ${workers}`
    throw new GlanceError('usage', message)
  }
  const inMemory = storeConfigs(config).all.find(({ type }) => type === 'memory')
  if (inMemory === undefined) return
  const message = `store ${inMemory.id} is in memory, which is of one process only: workers has to be 0, not ${workers}`
  throw new GlanceError('usage', message)
}
