import { GlanceError, isGlanceError } from '../errors.ts'
import { parseConnection } from '../database/connection.ts'
import { checkDriver } from '../database/open.ts'
import { checkStore } from '../store/open.ts'
import type { ServerConfig } from './config.ts'
import { imageSchemaOf } from './image-schema.ts'
import { openAuthentication, openProjectLimits } from './open-keystone.ts'
import { openPolicy } from './policy/policy-source.ts'
import { remotePolicy } from './remote-policy.ts'
import { requireConnection } from './assembly/open-database.ts'
import { requireSharing } from './assembly/sharing.ts'
import { storeConfigs } from './store-configs.ts'
import { readTls } from './tls.ts'

/**
 * What is wrong with settings together and with the files that they name, a message each: all for which a service would not
 * start or a store take no data, as far as that can be told without starting anything or asking anybody.
 */
export async function checkConfig(config: ServerConfig): Promise<readonly string[]> {
  const faults: string[] = []
  const opened: Disposable[] = []
  const surroundings = {
    report: () => {},
    now: () => new Date(),
    opened: (one: Disposable) => opened.push(one),
  }
  const checks: readonly (() => unknown)[] = [
    () => requireSharing(config),
    () => readTls(config),
    () => imageSchemaOf(config),
    () => checkConnection(config),
    () => checkListeners(config),
    ...storeChecks(config),
    () => openAuthentication(config, surroundings),
    () => openProjectLimits(config, surroundings),
    async () => {
      const ask = await remotePolicy(config, surroundings)
      const rules = { ...config, defaultRule: config.policyDefaultRule, ask }
      await openPolicy(config, rules, () => {})
    },
  ]
  try {
    for (const check of checks) {
      try {
        await check()
      } catch (error) {
        if (!isGlanceError(error, 'usage')) throw error
        faults.push(error.message)
      }
    }
  } finally {
    for (const one of opened) one[Symbol.dispose]()
  }
  return faults
}

/** Of somebody else's driver only itself knows what its connection is like. */
async function checkConnection({ connection, dataApi }: ServerConfig): Promise<void> {
  if (connection === null) requireConnection(dataApi)
  if (dataApi !== null) await checkDriver(dataApi)
  const isOurs = dataApi === null || ['sqlite', 'postgresql', 'mysql'].includes(dataApi)
  if (connection !== null && isOurs) parseConnection(connection)
}

/** Clients and operators cannot both be at one port, unless at addresses of which neither is every one. */
function checkListeners({
  bindHost,
  bindPort,
  metricsBindHost,
  metricsBindPort,
}: ServerConfig): void {
  if (metricsBindPort === null || metricsBindPort === 0 || metricsBindPort !== bindPort) return
  const isEvery = (host: string) => ['0.0.0.0', '::'].includes(host)
  if (bindHost !== metricsBindHost && !isEvery(bindHost) && !isEvery(metricsBindHost)) return
  throw new GlanceError(
    'usage',
    `metrics_bind_port is ${metricsBindPort}, at which clients are answered: it has to be another than bind_port`,
  )
}

function storeChecks(config: ServerConfig): readonly (() => unknown)[] {
  try {
    const { all, named } = storeConfigs(config)
    return all.map(store => async () => {
      await checkStore(store).catch((error: unknown) => {
        if (!named || !isGlanceError(error, 'usage')) throw error
        throw new GlanceError('usage', `store ${store.id}: ${error.message}`, { cause: error })
      })
    })
  } catch (error) {
    return [
      () => {
        throw error
      },
    ]
  }
}
